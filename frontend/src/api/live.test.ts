import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { pace, throttleByKey } from "./live";
import { statusOf } from "./status";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("refetches at once, then once per gap, and never forgets the last wish", () => {
  const run = vi.fn();
  const refetch = throttleByKey(() => 1_000, run);
  for (let wish = 0; wish < 5; wish += 1) refetch(["tasks"]);
  refetch(["task", "1"]);
  expect(run).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(1_000);
  expect(run).toHaveBeenCalledTimes(3);
  vi.advanceTimersByTime(5_000);
  expect(run).toHaveBeenCalledTimes(3);
});

it("refetches less often while the server cannot tell every change", () => {
  const { heard, gapMs } = pace();
  const calm = gapMs();
  for (let frame = 0; frame < 3; frame += 1) heard({ type: "stale", topic: "tasks", seq: frame });
  expect(gapMs()).toBe(calm);
  heard({ type: "stale", topic: "tasks", seq: 3 });
  expect(gapMs()).toBeGreaterThan(calm);
  heard({ type: "events", events: [], seq: 4 });
  expect(gapMs()).toBe(calm);
});

it("says live only while requests get through as well", () => {
  expect(statusOf({ socketOpen: true, reachable: true, online: true })).toBe("live");
  expect(statusOf({ socketOpen: false, reachable: true, online: true })).toBe("polling");
  expect(statusOf({ socketOpen: true, reachable: false, online: true })).toBe("offline");
  expect(statusOf({ socketOpen: true, reachable: true, online: false })).toBe("offline");
});
