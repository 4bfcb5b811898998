import { expect, it } from "vitest";
import { changedNames, mapFieldErrors, ownerOf } from "./server-errors";

const schema = { properties: { value: {}, size: {} } };
const isField = (path: readonly string[]) => ["value", "value.0", "size"].includes(path.join("."));

it("shows an error at the nearest field of the form", () => {
  const { byField, rest } = mapFieldErrors(
    [
      { field: "arguments.value.0.int", message: "no integer" },
      { field: "arguments.value.0.str", message: "no text" },
      { field: "size", message: "too large" },
      { field: "arguments.colour", message: "unknown" },
    ],
    schema,
    isField,
  );
  expect(byField).toEqual({
    value: { "0": { __errors: ["no integer", "no text"] } },
    size: { __errors: ["too large"] },
  });
  expect(rest).toEqual([{ field: "arguments.colour", message: "unknown" }]);
});

it("knows which argument an error and an edit are about", () => {
  expect(ownerOf({ field: "arguments.value.0", message: "" })).toBe("arguments.value");
  expect(ownerOf({ field: "queue", message: "" })).toBe("queue");
  expect(changedNames({ value: [1], size: 2 }, { value: [1, 2], size: 2, new: 1 })).toEqual(["value", "new"]);
});
