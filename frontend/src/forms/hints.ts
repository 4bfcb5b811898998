/** What a schema asks of a value, in a few words below the label. */
import type { RJSFSchema } from "@rjsf/utils";

const FORMATS: Record<string, string> = {
  decimal: "kept to the last digit",
  duration: "such as PT90S, PT5M, P1DT2H or 00:01:30",
  json: 'JSON, such as [1, 2] or {"a": 1}; anything else is text',
  "date-time": "your local time",
};

function range(from: unknown, to: unknown, unit = ""): string | false {
  const words = (text: string) => (unit ? `${text} ${unit}` : text);
  if (from !== undefined && to !== undefined)
    return words(from === to ? `exactly ${from}` : `${from} to ${to}`);
  if (from !== undefined) return words(`at least ${from}`);
  return to !== undefined && words(`at most ${to}`);
}

export function hintOf(schema: RJSFSchema): string {
  const isTuple = Array.isArray(schema.items);
  return [
    range(schema.minimum, schema.maximum),
    schema.exclusiveMinimum !== undefined && `more than ${schema.exclusiveMinimum}`,
    schema.exclusiveMaximum !== undefined && `less than ${schema.exclusiveMaximum}`,
    schema.multipleOf !== undefined && `a multiple of ${schema.multipleOf}`,
    schema.minLength === 1 && schema.maxLength === undefined
      ? "not empty"
      : range(schema.minLength, schema.maxLength, "characters"),
    !isTuple && range(schema.minItems, schema.maxItems, "items"),
    schema.uniqueItems && "each only once",
    schema.pattern !== undefined && `matching ${schema.pattern}`,
    FORMATS[schema.format ?? ""],
  ]
    .filter(Boolean)
    .join(", ");
}
