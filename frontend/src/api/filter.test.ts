import { describe, expect, it } from "vitest";
import { filterOf, isEmpty, mayFit, queryOf, successor, validateFilter } from "./filter";

describe("the address", () => {
  it("drops what is no filter", () => {
    expect(validateFilter({ state: "failed,nonsense,queued", after: "soon", q: 42, page: "3" })).toEqual({
      state: "queued,failed",
      q: "42",
    });
  });

  it("becomes a query of the API", () => {
    const filter = filterOf({ state: "failed,queued", fn: "fibonacci", q: "a b" });
    expect(queryOf(filter, { cursor: "7" })).toBe(
      "?state=queued&state=failed&function=fibonacci&search=a+b&cursor=7",
    );
    expect(queryOf(filterOf({}), { cursor: null })).toBe("");
    expect(isEmpty(filterOf({}))).toBe(true);
    expect(isEmpty(filter)).toBe(false);
  });
});

it("an event fits unless it says otherwise", () => {
  const filter = filterOf({ state: "failed", fn: "fibonacci", queue: "slow" });
  expect(mayFit(filter, { id: "1" })).toBe(true);
  expect(mayFit(filter, { id: "1", state: "failed", function: "fibonacci", queue: "slow" })).toBe(true);
  expect(mayFit(filter, { id: "1", state: "queued" })).toBe(false);
  expect(mayFit(filter, { id: "1", state: "failed", function: "other" })).toBe(false);
  expect(mayFit(filter, { id: "1", state: "failed", queue: "default" })).toBe(false);
});

it("the successor of an id carries", () => {
  expect(successor("0198f000-0000-7000-8000-0000000000ff")).toBe("0198f000-0000-7000-8000-000000000100");
  expect(successor("00000000-ffff-ffff-ffff-ffffffffffff")).toBe("00000001-0000-0000-0000-000000000000");
});
