import { type InfiniteData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { successor, type TaskFilter } from "../api/filter";
import { countsQuery, keys, tasksQuery } from "../api/queries";
import type { TaskPage } from "../api/types";

/** Rows on the page at a time; beyond them the list moves on and leaves its head behind. */
const MOST_ROWS = 500;

/**
 * Where the list begins: at the newest task; at a task that was the newest when the visitor began to
 * read, so that no row moves under eye or pointer; or further down.
 */
type Place =
  | { kind: "live" }
  | { kind: "still"; top: string; newest: string }
  | { kind: "older"; top: string };

export function useTaskList(filter: TaskFilter, isReading: boolean) {
  const cache = useQueryClient();
  const [place, setPlace] = useState<Place>({ kind: "live" });
  const top = place.kind === "live" ? null : place.top;
  const list = useInfiniteQuery(tasksQuery(filter, top));
  // Fifty new rows are drawn in the gaps between a visitor's keys and clicks.
  const data = useDeferredValue(list.data);
  const tasks = useMemo(() => data?.pages.flatMap((page) => page.results) ?? [], [data]);
  const arrivals = useQuery({
    ...countsQuery(filter, place.kind === "still" ? place.newest : null),
    enabled: place.kind === "still",
  }).data;
  const newest = tasks[0]?.id;
  const live = useCallback(() => setPlace({ kind: "live" }), []);

  const holdRef = useRef(() => {});
  useEffect(() => {
    holdRef.current = () => {
      if (place.kind !== "live" || !newest || !data) return;
      const begin = successor(newest);
      const pageParams = [begin, ...(data.pageParams as (string | null)[]).slice(1)];
      cache.setQueryData<InfiniteData<TaskPage, string | null>>(keys.list(filter, begin), {
        pages: data.pages,
        pageParams,
      });
      setPlace({ kind: "still", top: begin, newest });
    };
  });
  useEffect(() => {
    if (isReading) holdRef.current();
    else setPlace((now) => (now.kind === "still" ? { kind: "live" } : now));
  }, [isReading]);

  const isFull = tasks.length >= MOST_ROWS;
  const cursor = data?.pages.at(-1)?.next;
  const older = () => {
    if (!isFull || !cursor) return void list.fetchNextPage();
    setPlace({ kind: "older", top: cursor });
    window.scrollTo(0, 0);
  };
  return {
    list,
    tasks,
    isPending: list.isPending || (data === undefined && list.data !== undefined),
    place: place.kind,
    /** New tasks since the list stands still, or null while it follows. */
    arrivals: place.kind === "still" ? arrivals : undefined,
    live,
    older,
    /** False: the last page is short because enough tasks were looked at; older ones may match. */
    searchedAll: data?.pages.at(-1)?.searched_all ?? true,
  };
}
