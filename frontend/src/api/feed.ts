/** What a frame of the socket does to the cache. */
import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { applyEvent, applyEvents, asksForRefetch, mergeSnapshot, newer } from "./events";
import { isEmpty, type TaskFilter } from "./filter";
import { keys, type TaskPages } from "./queries";
import type { Batch, ServerFrame, TaskDetail, TaskEvent, TaskRow } from "./types";

const lists = (cache: QueryClient) =>
  cache.getQueriesData<TaskPages>({ queryKey: keys.lists }).flatMap(([key, data]) => {
    return data ? [{ key, data, filter: key[1] as TaskFilter, top: key[2] as string | null }] : [];
  });

function mergeEvents(cache: QueryClient, events: TaskEvent[]): QueryKey[] {
  const outdated: QueryKey[] = [];
  for (const { key, data, filter, top } of lists(cache)) {
    const pages = data.pages.map((page) => {
      const results = applyEvents(page.results, events);
      return results === page.results ? page : { ...page, results };
    });
    cache.setQueryData<TaskPages>(key, { ...data, pages });
    // A list that stands still takes no newcomers.
    const relevant = events.filter((event) => top === null || event.id < top);
    if (relevant.some((event) => asksForRefetch(data.pages, filter, event))) outdated.push(key);
  }
  for (const event of events) {
    const key = keys.task(event.id);
    if (event.log) outdated.push(keys.log(event.id, event.log.attempt));
    const known = cache.getQueryData<TaskDetail>(key);
    if (!known) continue;
    const next = applyEvent(known, event);
    if (next !== known) cache.setQueryData<TaskDetail>(key, next);
    // The event carries neither result nor traceback nor the earlier steps.
    if (next.revision > known.revision || event.step) outdated.push(key);
  }
  for (const [key, batch] of cache.getQueriesData<Batch>({ queryKey: keys.batches }))
    if (batch && events.some((event) => event.batch === batch.id || event.id === batch.then_task?.id))
      outdated.push(key);
  if (events.some((event) => event.state !== undefined)) outdated.push(keys.counts);
  return outdated;
}

function mergeRows(cache: QueryClient, rows: TaskRow[]): void {
  for (const { key, data, filter, top } of lists(cache)) {
    const pages = data.pages.map((page, index) => {
      const newest = index === 0 && top === null && isEmpty(filter);
      const known = newest ? rows : rows.filter((row) => page.results.some(({ id }) => id === row.id));
      return {
        ...page,
        results: newest ? mergeSnapshot(page.results, known) : mergeKnown(page.results, known),
      };
    });
    cache.setQueryData<TaskPages>(key, { ...data, pages });
  }
}

const mergeKnown = (rows: TaskRow[], known: TaskRow[]) =>
  rows.map((row) => {
    const next = known.find(({ id }) => id === row.id);
    return next ? newer(row, next) : row;
  });

function outdatedBy(topic: string): QueryKey[] {
  if (topic === "tasks") return [keys.lists, keys.counts];
  if (topic.startsWith("batch:")) return [keys.batch(topic.replace(/^batch:/, "")), keys.lists];
  const id = topic.replace(/^task:/, "");
  return [keys.task(id), keys.logs(id)];
}

/** Merges the frame into the cache and returns the keys that must be read again over REST. */
export function applyFrame(cache: QueryClient, frame: ServerFrame): QueryKey[] {
  switch (frame.type) {
    case "events":
      return mergeEvents(cache, frame.events);
    case "snapshot":
      if ("results" in frame) mergeRows(cache, frame.results);
      else if ("batch" in frame) cache.setQueryData<Batch>(keys.batch(frame.batch.id), frame.batch);
      else cache.setQueryData<TaskDetail>(keys.task(frame.task.id), (known) => newer(known, frame.task));
      return [];
    case "stale":
      return outdatedBy(frame.topic);
    default:
      return [];
  }
}
