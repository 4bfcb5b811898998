import type { RJSFSchema } from "@rjsf/utils";
import { expect, it } from "vitest";
import { shapeForForm } from "./schema";

const $defs = { Point: { type: "object", title: "Point", properties: { x: { type: "integer" } } } };
const shaped = (field: object, required: string[] = []) =>
  shapeForForm({ type: "object", required, properties: { net_price: field }, $defs } as RJSFSchema).properties
    ?.net_price as RJSFSchema;

it("lets what may be null stay empty", () => {
  expect(shaped({ anyOf: [{ type: "integer", minimum: 1 }, { type: "null" }], default: null })).toMatchObject(
    {
      type: ["integer", "null"],
      default: null,
      description: "at least 1",
    },
  );
  expect(shaped({ anyOf: [{ type: "boolean" }, { type: "null" }] }).oneOf).toContainEqual({
    const: null,
    title: "None",
  });
});

it("offers an object that may be null as a choice, and any other union too", () => {
  const offered = (field: object) =>
    shaped(field).anyOf?.map((part) => part !== true && part !== false && part.title);
  expect(shaped({ anyOf: [{ $ref: "#/$defs/Point" }, { type: "null" }] }).anyOf).toEqual([
    { $ref: "#/$defs/Point" },
    { type: "null", title: "None" },
  ]);
  expect(offered({ anyOf: [{ type: "integer" }, { type: "array", items: { type: "string" } }] })).toEqual([
    "Whole number",
    "List",
  ]);
});

it("takes a decimal as text, with the bounds of the number", () => {
  const decimal = [
    { type: "number", minimum: 0 },
    { type: "string", format: "decimal" },
  ];
  expect(shaped({ anyOf: decimal, title: "Price" })).toMatchObject({
    type: "string",
    format: "decimal",
    title: "Price",
    description: "at least 0, kept to the last digit",
  });
  expect(shaped({ anyOf: [...decimal, { type: "null" }] }).type).toEqual(["string", "null"]);
});

it("calls a field by the name of its argument", () => {
  expect(shaped({ $ref: "#/$defs/Point" }).title).toBe("Net Price");
  expect(shaped({ type: "integer", title: "Price" }).title).toBe("Price");
});

it("takes an unticked box for an answer where one is required", () => {
  expect(shaped({ type: "boolean" }, ["net_price"]).default).toBe(false);
  expect(shaped({ type: "boolean" })).not.toHaveProperty("default");
});

it("draws a tuple by its positions and anything untyped as JSON", () => {
  expect(
    shaped({ type: "array", prefixItems: [{ type: "integer" }, {}], minItems: 2, maxItems: 2 }),
  ).toMatchObject({
    items: [{ type: "integer" }, { type: "string", format: "json" }],
    additionalItems: false,
  });
  expect(shaped({ title: "Value" }).format).toBe("json");
});

it("adds bounds to the description", () => {
  expect(
    shaped({ type: "integer", minimum: 1, maximum: 10, multipleOf: 2, description: "an even number" }),
  ).toMatchObject({ description: "an even number · 1 to 10, a multiple of 2" });
  expect(shaped({ type: "string", minLength: 1 }).description).toBe("not empty");
  expect(shaped({ type: "array", items: { type: "string" }, maxItems: 3 }).description).toBe(
    "at most 3 items",
  );
});
