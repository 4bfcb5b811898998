import { describe, expect, it } from "vitest";
import { aRow } from "../test-data";
import { applyEvent, applyEvents, asksForRefetch, mergeSnapshot, newer, newerPages } from "./events";

const progress = (seq: number, attempt = 1) => ({
  attempt,
  seq,
  done: seq,
  total: 10,
  stage: "Counting",
  rate: null,
  eta_seconds: null,
});

describe("applyEvents", () => {
  it("takes what the event knows and keeps the rest", () => {
    const row = aRow({ revision: 2, state: "running" });
    const [next] = applyEvents(
      [row],
      [{ id: row.id, revision: 3, state: "succeeded", finished_at: "2026-01-01T00:00:05Z" }],
    );
    expect(next).toEqual({ ...row, revision: 3, state: "succeeded", finished_at: "2026-01-01T00:00:05Z" });
  });

  it("ignores a revision it already has, or an older one", () => {
    const rows = [aRow({ revision: 3, state: "succeeded" })];
    const id = rows[0]?.id ?? "";
    expect(applyEvents(rows, [{ id, revision: 3, state: "running" }])).toBe(rows);
    expect(applyEvents(rows, [{ id, revision: 2, state: "running" }])).toBe(rows);
  });

  it("gives back the very same array when no event concerns it", () => {
    const rows = [aRow()];
    expect(applyEvents(rows, [{ id: "another", revision: 9, state: "failed" }])).toBe(rows);
  });

  it("applies several events of one task, whatever their order", () => {
    const row = aRow({ revision: 1, state: "queued" });
    const running = { id: row.id, revision: 2, state: "running" } as const;
    const failed = { id: row.id, revision: 3, state: "failed" } as const;
    expect(applyEvents([row], [running, failed])[0]?.state).toBe("failed");
    expect(applyEvents([row], [failed, running])[0]?.state).toBe("failed");
  });
});

describe("progress", () => {
  it("moves forward only", () => {
    const row = aRow({ progress: progress(4) });
    expect(applyEvent(row, { id: row.id, progress: progress(5) }).progress?.seq).toBe(5);
    expect(applyEvent(row, { id: row.id, progress: progress(3) })).toBe(row);
  });

  it("of an earlier attempt is ignored, and goes when a new attempt begins", () => {
    const row = aRow({ attempt: 2, revision: 5, progress: progress(1, 2) });
    expect(applyEvent(row, { id: row.id, progress: progress(9, 1) })).toBe(row);
    expect(applyEvent(row, { id: row.id, revision: 6, state: "running", attempt: 3 }).progress).toBeNull();
  });
});

it("a task that goes back to waiting is no longer finished", () => {
  const row = aRow({ state: "failed", revision: 4, finished_at: "2026-01-01T00:00:05Z" });
  expect(applyEvent(row, { id: row.id, revision: 5, state: "queued" }).finished_at).toBeNull();
});

describe("answers of the REST API", () => {
  it("do not take back what an event already told", () => {
    const known = aRow({ revision: 3, state: "succeeded" });
    expect(newer(known, aRow({ revision: 2, state: "running" }))).toBe(known);
    const [page] = newerPages(
      [{ results: [known], next: null, searched_all: true }],
      [{ results: [aRow({ revision: 2, state: "running" })], next: "x", searched_all: true }],
    );
    expect(page).toEqual({ results: [known], next: "x", searched_all: true });
  });

  it("keep the progress that is further along", () => {
    const known = aRow({ revision: 2, progress: progress(7) });
    expect(newer(known, aRow({ revision: 2, progress: progress(5) })).progress?.seq).toBe(7);
    expect(newer(known, aRow({ revision: 2, progress: progress(8) })).progress?.seq).toBe(8);
  });
});

it("a snapshot puts new tasks in front and never lowers a revision", () => {
  const rows = [aRow({ id: "02", revision: 5 }), aRow({ id: "01", revision: 1 })];
  const merged = mergeSnapshot(rows, [
    aRow({ id: "03" }),
    aRow({ id: "02", revision: 4 }),
    aRow({ id: "01", revision: 2 }),
  ]);
  expect(merged.map(({ id, revision }) => [id, revision])).toEqual([
    ["03", 1],
    ["02", 5],
    ["01", 2],
  ]);
});

describe("asksForRefetch", () => {
  const pages = [{ results: [aRow({ id: "05" }), aRow({ id: "03" })], next: "03", searched_all: true }];
  it.each([
    ["a new task", [], { id: "06", state: "queued" }, true],
    ["a task further down than what is loaded", [], { id: "01", state: "running" }, false],
    ["a listed task that still fits", ["running"], { id: "05", state: "running" }, false],
    ["a listed task that fits no longer", ["running"], { id: "05", state: "failed" }, true],
    ["a task that now fits the filter", ["failed"], { id: "01", state: "failed" }, true],
    ["a task the filter leaves out", ["failed"], { id: "06", state: "queued" }, false],
    ["mere progress", [], { id: "06" }, false],
  ] as const)("%s", (_, states, event, expected) => {
    expect(asksForRefetch(pages, { states }, event)).toBe(expected);
  });
});
