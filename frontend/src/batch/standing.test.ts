import { describe, expect, it } from "vitest";
import { batchTitle, sharesOf, standingOf } from "./standing";

const NONE = { scheduled: 0, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };

describe("a batch", () => {
  it("waits until one of its tasks has begun", () => {
    expect(standingOf({ counts: { ...NONE, queued: 3 } })).toMatchObject({ word: "Waiting", percent: 0 });
    expect(standingOf({ counts: { ...NONE, queued: 2, running: 1 } })?.word).toBe("Running");
  });

  it("is at 100 percent only when all have ended", () => {
    const standing = standingOf({ counts: { ...NONE, succeeded: 998, cancelled: 1, scheduled: 1 } });
    expect(standing).toMatchObject({ total: 1000, ended: 999, percent: 99, word: "Running" });
  });

  it("tells of failures at its end", () => {
    expect(standingOf({ counts: { ...NONE, succeeded: 1, failed: 1 } })?.word).toBe("Ended with failures");
    expect(standingOf({ counts: { ...NONE, succeeded: 1, cancelled: 1 } })?.word).toBe("Ended");
  });

  it("without tasks has ended", () => {
    expect(standingOf({ counts: NONE })).toMatchObject({ total: 0, percent: 100, word: "Ended" });
    expect(sharesOf(NONE)).toEqual([]);
  });

  it("that was not counted has no standing", () => {
    expect(standingOf({ counts: null })).toBeNull();
    expect(batchTitle(null)).toBe("Batch: batch · Taskdeck");
  });
});

it("the bar shows what ended, then what runs, and leaves the rest empty", () => {
  expect(sharesOf({ ...NONE, queued: 1, running: 1, failed: 1, succeeded: 1 })).toEqual([
    { state: "succeeded", percent: 25 },
    { state: "failed", percent: 25 },
    { state: "running", percent: 25 },
  ]);
});

it("the title of the tab tells how far it is", () => {
  expect(batchTitle(standingOf({ counts: { ...NONE, queued: 2, succeeded: 1 } }))).toBe(
    "33% of a batch · Taskdeck",
  );
  expect(batchTitle(standingOf({ counts: { ...NONE, failed: 1 } }))).toBe(
    "Ended with failures: batch · Taskdeck",
  );
});
