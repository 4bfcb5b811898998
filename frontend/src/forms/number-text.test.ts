import { expect, it } from "vitest";
import { numberOf, stepped, textOf } from "./number-text";

it.each([
  ["35", 35],
  ["-7", -7],
  ["+7", 7],
  ["007", 7],
  [" 3.5 ", 3.5],
  ["3.", 3],
  [".5", 0.5],
  ["1e1", 10],
  ["2.5E-3", 0.0025],
])("takes %j for the number that it says", (typed, number) => {
  expect(numberOf(typed)).toBe(number);
});

it.each([
  "3,5",
  "1 000",
  "12abc",
  "-",
  "1e",
  "0x10",
  "Infinity",
  "NaN",
  "1e999",
  "9007199254740993",
])("leaves %j as it is, for the server to refuse", (typed) => {
  expect(numberOf(typed)).toBe(typed);
});

it("takes nothing typed for no value", () => {
  expect(numberOf("  ")).toBeUndefined();
  expect([textOf(undefined), textOf(null), textOf(0), textOf("3,5")]).toEqual(["", "", "0", "3,5"]);
});

it("steps within the bounds, and without the digits that binary fractions bring", () => {
  expect(stepped(1, 1, { maximum: 2 })).toBe(2);
  expect(stepped(2, 1, { maximum: 2 })).toBe(2);
  expect(stepped(0, -1, { minimum: 0 })).toBe(0);
  expect(stepped(1764418398.1234, 1, {})).toBe(1764418399.1234);
  expect(stepped(1764418398123, 1, {})).toBe(1764418398124);
  expect(stepped(1.1, 1.1, {})).toBe(2.2);
  expect(stepped(0.1, 0.2, {})).toBe(0.3);
});
