import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { throttleByKey } from "./live";
import { statusOf } from "./status";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("refetches at once, then once per gap, and never forgets the last wish", () => {
  const run = vi.fn();
  const refetch = throttleByKey(1_000, run);
  for (let wish = 0; wish < 5; wish += 1) refetch(["tasks"]);
  refetch(["task", "1"]);
  expect(run).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(1_000);
  expect(run).toHaveBeenCalledTimes(3);
  vi.advanceTimersByTime(5_000);
  expect(run).toHaveBeenCalledTimes(3);
});

it("says live only while requests get through as well", () => {
  expect(statusOf({ socketOpen: true, reachable: true, online: true })).toBe("live");
  expect(statusOf({ socketOpen: false, reachable: true, online: true })).toBe("polling");
  expect(statusOf({ socketOpen: true, reachable: false, online: true })).toBe("offline");
  expect(statusOf({ socketOpen: true, reachable: true, online: false })).toBe("offline");
});
