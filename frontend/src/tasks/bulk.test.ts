import { afterEach, expect, it, vi } from "vitest";
import { actOn, affected } from "./bulk";

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A server that answers in order; returns what it was sent. */
function serve(answers: object[]) {
  const bodies: unknown[] = [];
  vi.stubGlobal("fetch", async (_path: string, { body }: { body?: string }) => {
    if (body === undefined) return new Response("{}");
    bodies.push(JSON.parse(body));
    return new Response(JSON.stringify(answers.shift()), { headers: { "content-type": "application/json" } });
  });
  return bodies;
}

it("follows the cursor to the end of the filter and tells how far it is", async () => {
  const bodies = serve([
    { changed: 5000, next: "b" },
    { changed: 12, next: null },
  ]);
  const told: number[] = [];
  const filter = { states: ["failed"] as const, queue: "slow" };
  expect(await actOn("retry", { filter }, (changed) => told.push(changed))).toBe(5012);
  expect(told).toEqual([5000, 5012]);
  expect(bodies).toEqual([
    { action: "retry", filter: { state: ["failed"], queue: "slow" }, cursor: null },
    { action: "retry", filter: { state: ["failed"], queue: "slow" }, cursor: "b" },
  ]);
});

it("sends many ids a thousand at a time", async () => {
  const bodies = serve([
    { changed: 1000, next: null },
    { changed: 1, next: null },
  ]) as { ids: string[] }[];
  const ids = Array.from({ length: 1001 }, (_, index) => String(index));
  expect(await actOn("cancel", { ids }, () => {})).toBe(1001);
  expect(bodies.map((body) => body.ids.length)).toEqual([1000, 1]);
});

it("counts the tasks an act is for", () => {
  const counts = { counts: { failed: 3, succeeded: 4, running: 5 }, cap: 10_000, is_complete: true };
  expect(affected("retry", { states: [] }, counts)).toBe(7);
  expect(affected("cancel", { states: [] }, counts)).toBe(5);
  expect(affected("cancel", { states: ["failed"] }, counts)).toBe(0);
});
