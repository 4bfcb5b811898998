import { QueryClient } from "@tanstack/react-query";
import { beforeEach, describe, expect, it } from "vitest";
import { aBatch, aRow, aTask } from "../test-data";
import { applyFrame } from "./feed";
import { keys, type TaskPages } from "./queries";
import type { Batch, ServerFrame, TaskDetail, TaskEvent, TaskRow } from "./types";

const ALL = keys.list({ states: [] }, null);
let cache: QueryClient;

const listOf = (results: TaskRow[]): TaskPages => ({
  pages: [{ results, next: null, searched_all: true }],
  pageParams: [null],
});
const listed = () => cache.getQueryData<TaskPages>(ALL)?.pages[0]?.results ?? [];

beforeEach(() => {
  cache = new QueryClient();
});

describe("events", () => {
  it("reach the list and the open task, which is then read again for its result", () => {
    const task = aTask({ revision: 2 });
    cache.setQueryData(ALL, listOf([aRow({ revision: 2 })]));
    cache.setQueryData(keys.task(task.id), task);
    const outdated = applyFrame(cache, {
      type: "events",
      seq: 1,
      events: [{ id: task.id, revision: 3, state: "succeeded" }],
    });
    expect(listed()[0]?.state).toBe("succeeded");
    expect(cache.getQueryData<TaskDetail>(keys.task(task.id))?.state).toBe("succeeded");
    expect(outdated).toEqual([keys.task(task.id), keys.counts]);
  });

  it("of an unknown task make the list be read again", () => {
    cache.setQueryData(ALL, listOf([aRow({ id: "01" })]));
    const outdated = applyFrame(cache, {
      type: "events",
      seq: 1,
      events: [{ id: "02", revision: 1, state: "queued" }],
    });
    expect(outdated).toEqual([ALL, keys.counts]);
  });

  it("with mere progress change the bar and read nothing again", () => {
    cache.setQueryData(ALL, listOf([aRow()]));
    const progress = {
      attempt: 1,
      seq: 1,
      done: 1,
      total: 4,
      stage: "Drawing",
      rate: null,
      eta_seconds: null,
    };
    expect(applyFrame(cache, { type: "events", seq: 1, events: [{ id: aRow().id, progress }] })).toEqual([]);
    expect(listed()[0]?.progress).toEqual(progress);
  });
});

it("a list that stands still takes no newcomers, but its rows change", () => {
  const still = keys.list({ states: [] }, "02");
  cache.setQueryData(still, listOf([aRow({ id: "01", revision: 1 })]));
  const outdated = applyFrame(cache, {
    type: "events",
    seq: 1,
    events: [
      { id: "03", revision: 1, state: "queued" },
      { id: "01", revision: 2, state: "succeeded" },
    ],
  });
  expect(outdated).toEqual([keys.counts]);
  expect(cache.getQueryData<TaskPages>(still)?.pages[0]?.results[0]?.state).toBe("succeeded");
});

describe("snapshots", () => {
  it("bring new tasks to the unfiltered list and leave a filtered one to its filter", () => {
    const failed = keys.list({ states: ["failed"] }, null);
    cache.setQueryData(ALL, listOf([aRow({ id: "01" })]));
    cache.setQueryData(failed, listOf([]));
    applyFrame(cache, { type: "snapshot", seq: 1, topic: "tasks", results: [aRow({ id: "02" })] });
    expect(listed().map(({ id }) => id)).toEqual(["02", "01"]);
    expect(cache.getQueryData<TaskPages>(failed)?.pages[0]?.results).toEqual([]);
  });

  it("of a task do not overwrite a later revision", () => {
    const known = aTask({ revision: 4, state: "succeeded" });
    cache.setQueryData(keys.task(known.id), known);
    applyFrame(cache, {
      type: "snapshot",
      seq: 1,
      topic: `task:${known.id}`,
      task: aTask({ revision: 3, state: "running" }),
    });
    expect(cache.getQueryData<TaskDetail>(keys.task(known.id))?.state).toBe("succeeded");
  });
});

it("a stale topic is read again", () => {
  expect(applyFrame(cache, { type: "stale", seq: 1, topic: "tasks" })).toEqual([keys.lists, keys.counts]);
  expect(applyFrame(cache, { type: "stale", seq: 2, topic: "task:7" })).toEqual([
    keys.task("7"),
    keys.logs("7"),
  ]);
});

it("an open log is read on when its task tells of new lines, and anew when news were lost", () => {
  const event = { id: "01", log: { attempt: 2, seq: 9 } };
  expect(applyFrame(cache, { type: "events", seq: 1, events: [event] })).toEqual([keys.log("01", 2)]);
  expect(applyFrame(cache, { type: "stale", seq: 1, topic: "task:01" })).toEqual([
    keys.task("01"),
    keys.logs("01"),
  ]);
});

describe("a batch on the page", () => {
  const batch = aBatch({ then_task: { id: "0t", function: "report", state: "scheduled" } });
  const read = (frame: ServerFrame) => applyFrame(cache, frame);

  beforeEach(() => cache.setQueryData(keys.batch(batch.id), batch));

  it("is read again after an event of one of its tasks, or of the one that runs after it", () => {
    const news = (event: TaskEvent): ServerFrame => ({ type: "events", seq: 1, events: [event] });
    expect(read(news({ id: "01", batch: batch.id }))).toEqual([keys.batch(batch.id)]);
    expect(read(news({ id: "0t" }))).toEqual([keys.batch(batch.id)]);
    expect(read(news({ id: "01", batch: "another" }))).toEqual([]);
  });

  it("has a list that takes its own tasks alone", () => {
    const list = keys.list({ states: [], batch: batch.id }, null);
    cache.setQueryData(list, listOf([]));
    const event = { id: "01", state: "queued", revision: 1 } as const;
    expect(read({ type: "events", seq: 1, events: [event] })).not.toContainEqual(list);
    expect(read({ type: "events", seq: 1, events: [{ ...event, batch: batch.id }] })).toContainEqual(list);
  });

  it("comes in a snapshot, and is outdated by the word for it", () => {
    const topic = `batch:${batch.id}`;
    read({ type: "snapshot", seq: 1, topic, batch: { ...batch, size: 9 } });
    expect(cache.getQueryData<Batch>(keys.batch(batch.id))?.size).toBe(9);
    expect(read({ type: "stale", seq: 1, topic })).toEqual([keys.batch(batch.id), keys.lists]);
  });
});
