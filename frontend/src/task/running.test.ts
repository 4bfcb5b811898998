import { expect, it } from "vitest";
import { howFar, howFast } from "./running";

it("tells stage and amount as far as they are known", () => {
  expect(howFar({ stage: "Counting", done: 1200, total: 5000 })).toBe("Counting 1,200 of 5,000");
  expect(howFar({ stage: "", done: 3, total: null })).toBe("3");
  expect(howFar({ stage: "Warming up", done: null, total: null })).toBe("Warming up");
});

it("tells the rate, and what is left where a whole is known", () => {
  expect(howFast({ rate: 25, eta_seconds: 2.4 })).toBe("25 a second, about 2.4 s left");
  expect(howFast({ rate: 19366.2, eta_seconds: null })).toBe("19,366 a second");
  expect(howFast({ rate: 0.5, eta_seconds: null })).toBe("0.5 a second");
  expect(howFast({ rate: null, eta_seconds: null })).toBe("");
});
