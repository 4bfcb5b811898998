import {
  type InfiniteData,
  keepPreviousData,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
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

const LIVE: Place = { kind: "live" };

/** Rows of the filter before stay until the first answer: their elements are filled anew, not made anew. */
export function useTaskList(filter: TaskFilter, isReading: boolean) {
  const cache = useQueryClient();
  const [held, setHeld] = useState({ filter, place: LIVE });
  const place = held.filter === filter ? held.place : LIVE;
  const setPlace = (next: Place) => setHeld({ filter, place: next });
  const top = place.kind === "live" ? null : place.top;
  const list = useInfiniteQuery({ ...tasksQuery(filter, top), placeholderData: keepPreviousData });
  // Fifty new rows are drawn in the gaps between a visitor's keys and clicks.
  const answer = useMemo(
    () => ({ data: list.data, of: list.isPlaceholderData ? undefined : filter }),
    [list.data, list.isPlaceholderData, filter],
  );
  const { data, of } = useDeferredValue(answer);
  const isAnswer = of === filter;
  const tasks = useMemo(() => data?.pages.flatMap((page) => page.results) ?? [], [data]);
  const arrivals = useQuery({
    ...countsQuery(filter, place.kind === "still" ? place.newest : null),
    enabled: place.kind === "still",
  }).data;
  const newest = tasks[0]?.id;
  const live = () => setPlace(LIVE);

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
    if (!isReading) setHeld((now) => (now.place.kind === "still" ? { ...now, place: LIVE } : now));
    else if (isAnswer) holdRef.current();
  }, [isReading, isAnswer]);

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
    isPending: list.isPending || (!isAnswer && tasks.length === 0),
    place: place.kind,
    /** New tasks since the list stands still, or null while it follows. */
    arrivals: place.kind === "still" ? arrivals : undefined,
    live,
    older,
    /** False: the last page is short because enough tasks were looked at; older ones may match. */
    searchedAll: data?.pages.at(-1)?.searched_all ?? true,
  };
}
