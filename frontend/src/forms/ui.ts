import type { RJSFSchema, UiSchema } from "@rjsf/utils";

const LONG_TEXT_LETTERS = 200;

/** Long texts get several lines; the first field takes the focus. */
export function uiFor(schema: RJSFSchema): UiSchema<Record<string, unknown>> {
  const fields = Object.entries(schema.properties ?? {}).map(([name, field], index) => {
    const long =
      typeof field === "object" &&
      field.type === "string" &&
      !field.enum &&
      !field.format &&
      (field.maxLength ?? 0) > LONG_TEXT_LETTERS;
    return [
      name,
      {
        ...(long ? { "ui:widget": "textarea", "ui:options": { rows: 6 } } : {}),
        ...(index === 0 ? { "ui:autofocus": true } : {}),
      },
    ];
  });
  return { "ui:title": "", ...Object.fromEntries(fields) };
}
