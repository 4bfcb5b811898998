import { describe, expect, it } from "vitest";
import { areaPath, linePath, stacked, ticks, withoutFall } from "./chart-scale";

const x = (i: number) => i * 10;
const y = (value: number) => 100 - value;

describe("ticks", () => {
  it.each([
    [0, true, [0, 1]],
    [1, true, [0, 1]],
    [3, true, [0, 1, 2, 3]],
    [7, true, [0, 2, 4, 6, 8]],
    [1000, true, [0, 500, 1000]],
    [0.3, false, [0, 0.1, 0.2, 0.3]],
    [0.0421, false, [0, 0.02, 0.04, 0.06]],
  ])("cover up to %d with round steps", (max, isWhole, expected) => {
    expect(ticks(max, isWhole)).toEqual(expected);
  });
});

describe("lines and areas", () => {
  it("break a line at a gap, and mark a value that stands alone", () => {
    expect(linePath([1, 2, null, 3], x, y)).toBe("M0.0,99.0L10.0,98.0M30.0,97.0h3");
    expect(linePath([null, null], x, y)).toBe("");
  });

  it("stack each series on the ones before it", () => {
    expect(
      stacked([
        [1, null, 2],
        [10, 20, null],
      ]),
    ).toEqual([
      [1, 0, 2],
      [11, 20, 2],
    ]);
  });

  it("close an area along its lower line", () => {
    expect(areaPath([5, 6], [1, 2], x, y)).toBe("M0.0,95.0L10.0,94.0L10.0,98.0L0.0,99.0Z");
  });
});

it("leaves out the last point while it is below the one before it", () => {
  const value = (point: number) => point;
  expect(withoutFall([7, 5, 4], value)).toEqual([7, 5]);
  expect(withoutFall([7, 5, 5], value)).toEqual([7, 5, 5]);
  expect(withoutFall([7, 1, 9], value)).toEqual([7, 1, 9]);
  expect(withoutFall([3], value)).toEqual([3]);
  expect(withoutFall([], value)).toEqual([]);
});
