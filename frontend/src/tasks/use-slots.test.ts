import { expect, test } from "vitest";
import { slotsOf } from "./use-slots";

const first = slotsOf(new Map(), ["c", "b", "a"]);

test("a row that stays keeps its slot, and a new one takes that of a row that has gone", () => {
  const second = slotsOf(first, ["d", "c", "b"]);
  expect(second.get("c")).toBe(first.get("c"));
  expect(second.get("b")).toBe(first.get("b"));
  expect(second.get("d")).toBe(first.get("a"));
});

test("a longer list takes slots that nobody had", () => {
  const longer = slotsOf(first, ["d", "e", "c", "b", "a"]);
  expect(new Set(longer.values()).size).toBe(5);
  expect(longer.get("a")).toBe(first.get("a"));
});

test("rows that are all new take all the slots there are", () => {
  expect([...slotsOf(first, ["x", "y", "z"]).values()].sort()).toEqual([...first.values()].sort());
});
