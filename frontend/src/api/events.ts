/** Merging of news into what is already known. Pure; a lower revision never overwrites a higher one. */
import { mayFit, type TaskFilter } from "./filter";
import type { Progress, TaskBase, TaskEvent, TaskPage, TaskRow } from "./types";

export const TERMINAL: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled"]);

function isNewer(next: Progress, known: Progress | null, attempt: number): boolean {
  if (next.attempt < attempt) return false;
  if (!known || next.attempt > known.attempt) return true;
  return next.attempt === known.attempt && next.seq > known.seq;
}

/** The row after the event; the very same row where the event says nothing new. */
export function applyEvent<T extends TaskBase>(row: T, event: TaskEvent): T {
  const { progress, ...facts } = event;
  let next = row;
  if (facts.revision !== undefined && facts.revision > row.revision) {
    next = { ...row, ...facts };
    if (!TERMINAL.has(next.state) && facts.finished_at === undefined) next.finished_at = null;
    if (next.attempt !== row.attempt && next.progress?.attempt !== next.attempt) next.progress = null;
  }
  if (progress && isNewer(progress, next.progress, next.attempt)) next = { ...next, progress };
  return next;
}

/** The same array where no event changes a row of it. */
export function applyEvents<T extends TaskBase>(rows: T[], events: readonly TaskEvent[]): T[] {
  const byId = new Map<string, TaskEvent[]>();
  for (const event of events) byId.set(event.id, [...(byId.get(event.id) ?? []), event]);
  let changed = false;
  const next = rows.map((row) => {
    const merged = (byId.get(row.id) ?? []).reduce(applyEvent, row);
    changed ||= merged !== row;
    return merged;
  });
  return changed ? next : rows;
}

/** Of two pictures of one task, the one that knows more. */
export function newer<T extends TaskBase>(known: T | undefined, incoming: T): T {
  if (!known) return incoming;
  if (known.revision > incoming.revision) return known;
  const { progress } = known;
  const ahead =
    progress &&
    progress.attempt === incoming.attempt &&
    isNewer(progress, incoming.progress, incoming.attempt);
  return ahead ? { ...incoming, progress } : incoming;
}

/** The fetched pages, with every row that a faster event has already overtaken kept. */
export function newerPages(known: readonly TaskPage[], incoming: readonly TaskPage[]): TaskPage[] {
  const rows = new Map(known.flatMap((page) => page.results.map((row) => [row.id, row] as const)));
  return incoming.map((page) => ({
    ...page,
    results: page.results.map((row) => newer(rows.get(row.id), row)),
  }));
}

/** Rows of a snapshot merged into the newest page: known rows in place, new ones in front. */
export function mergeSnapshot(rows: TaskRow[], snapshot: readonly TaskRow[]): TaskRow[] {
  const incoming = new Map(snapshot.map((row) => [row.id, row]));
  const first = rows[0]?.id ?? "";
  const fresh = snapshot.filter((row) => row.id > first);
  const merged = rows.map((row) => {
    const next = incoming.get(row.id);
    return next ? newer(row, next) : row;
  });
  return [...fresh, ...merged];
}

/** Must a list with this filter be read again because of the event? Ids grow with time (UUIDv7). */
export function asksForRefetch(pages: readonly TaskPage[], filter: TaskFilter, event: TaskEvent): boolean {
  if (event.state === undefined) return false;
  const listed = pages.some((page) => page.results.some((row) => row.id === event.id));
  const fits = mayFit(filter, event);
  if (listed) return !fits;
  if (!fits) return false;
  const oldest = pages.at(-1)?.results.at(-1)?.id;
  return filter.states.length > 0 || !pages.at(-1)?.next || oldest === undefined || event.id > oldest;
}
