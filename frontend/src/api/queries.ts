import {
  type InfiniteData,
  infiniteQueryOptions,
  queryOptions,
  replaceEqualDeep,
  useQuery,
} from "@tanstack/react-query";
import { api } from "./client";
import { newer, newerPages } from "./events";
import type { TaskFilter } from "./filter";
import { refetchMs } from "./status";
import type { BatchPage, TaskDetail, TaskPage, TrendRange } from "./types";

export type TaskPages = InfiniteData<TaskPage, string | null>;
/** Beyond so many loaded pages the whole list is read again less often. */
const MANY_PAGES = 4;
const MANY_PAGES_MS = 15_000;

export const keys = {
  lists: ["tasks"] as const,
  /** `top` is the cursor a list that stands still begins at; null follows the newest. */
  list: (filter: TaskFilter, top: string | null) => ["tasks", filter, top] as const,
  task: (id: string) => ["task", id] as const,
  logs: (id: string) => ["log", id] as const,
  log: (id: string, attempt: number) => ["log", id, attempt] as const,
  batches: ["batch"] as const,
  batch: (id: string) => ["batch", id] as const,
  counts: ["counts"] as const,
  countsOf: (filter: TaskFilter, newerThan: string | null) => ["counts", filter, newerThan] as const,
  functions: ["functions"] as const,
  session: ["session"] as const,
};

/** The guard on the way into the cache: an answer that was under way while an event came is older. */
function keepNewerPages(known: unknown, incoming: unknown): unknown {
  if (!known) return incoming;
  const next = incoming as TaskPages;
  const pages = newerPages((known as TaskPages).pages, next.pages);
  return replaceEqualDeep(known as TaskPages, { ...next, pages });
}

function keepNewerTask(known: unknown, incoming: unknown): unknown {
  return known ? replaceEqualDeep(known, newer(known as TaskDetail, incoming as TaskDetail)) : incoming;
}

export const tasksQuery = (filter: TaskFilter, top: string | null) =>
  infiniteQueryOptions({
    queryKey: keys.list(filter, top),
    queryFn: ({ pageParam, signal }) => api.tasks(filter, pageParam, signal),
    initialPageParam: top,
    getNextPageParam: (page: TaskPage) => page.next,
    structuralSharing: keepNewerPages,
    refetchInterval: (query) =>
      (query.state.data?.pages.length ?? 0) > MANY_PAGES ? MANY_PAGES_MS : refetchMs(),
  });

export const taskQuery = (id: string) =>
  queryOptions({
    queryKey: keys.task(id),
    queryFn: ({ signal }) => api.task(id, signal),
    structuralSharing: keepNewerTask,
    refetchInterval: refetchMs,
  });

/** The newest tasks of each function. */
export const recentQuery = queryOptions({
  queryKey: ["recent"],
  queryFn: ({ signal }) => api.recent(signal),
  refetchInterval: refetchMs,
});

export const batchQuery = (id: string) =>
  queryOptions({
    queryKey: keys.batch(id),
    queryFn: ({ signal }) => api.batch(id, signal),
    refetchInterval: refetchMs,
  });

export const batchesQuery = infiniteQueryOptions({
  queryKey: ["batches"],
  queryFn: ({ pageParam, signal }) => api.batches(pageParam, signal),
  initialPageParam: null as string | null,
  getNextPageParam: (page: BatchPage) => page.next,
  refetchInterval: refetchMs,
});

export const countsQuery = (filter: TaskFilter, newerThan: string | null = null) =>
  queryOptions({
    queryKey: keys.countsOf(filter, newerThan),
    queryFn: ({ signal }) => api.counts(filter, newerThan, signal),
    refetchInterval: refetchMs,
  });

/** A new revision may wait for something else. */
export const waitingQuery = (id: string, revision: number) =>
  queryOptions({
    queryKey: ["waiting", id, revision],
    queryFn: ({ signal }) => api.waiting(id, signal),
    refetchInterval: refetchMs,
  });

export const overviewQuery = queryOptions({
  queryKey: ["overview"],
  queryFn: ({ signal }) => api.overview(signal),
  refetchInterval: refetchMs,
});

/** A point grows for a minute: there is no hurry. */
const TREND_MS = 10_000;
export const trendQuery = (range: TrendRange) =>
  queryOptions({
    queryKey: ["trend", range],
    queryFn: ({ signal }) => api.trend(range, signal),
    refetchInterval: TREND_MS,
  });

/** Of the last hour. */
export const totalsQuery = (by: "function" | "queue") =>
  queryOptions({
    queryKey: ["totals", by],
    queryFn: ({ signal }) => api.totals(by, signal),
    refetchInterval: TREND_MS,
  });

export const workersQuery = queryOptions({
  queryKey: ["workers"],
  queryFn: ({ signal }) => api.workers(signal),
  refetchInterval: refetchMs,
});

export const queuesQuery = queryOptions({
  queryKey: ["queues"],
  queryFn: ({ signal }) => api.queues(signal),
  refetchInterval: refetchMs,
});

export const functionsQuery = queryOptions({
  queryKey: keys.functions,
  queryFn: ({ signal }) => api.functions(signal),
  staleTime: 300_000,
});

export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: ({ signal }) => api.session(signal),
  staleTime: 60_000,
});

/** Whether to offer this visitor a new task; until the session is known the server's answer to it decides. */
export const useMaySubmit = () => useQuery(sessionQuery).data?.permissions.submit ?? true;
