/** What a task may be given beside its arguments. */
export interface SubmitOptions {
  queue?: string;
  /** A text where no number was typed; the server refuses it. */
  priority?: number | string;
  /** An instant with its time zone. */
  run_after?: string;
}

const OPTION_FIELDS = ["queue", "priority", "run_after"] as const;
export type OptionField = (typeof OPTION_FIELDS)[number];

export const isOption = (field: string): field is OptionField =>
  (OPTION_FIELDS as readonly string[]).includes(field);

const pad = (number: number) => String(number).padStart(2, "0");

/** How `<input type="datetime-local">` writes an instant, in the visitor's own time zone. */
export function toLocalInput(instant: Date): string {
  const year = String(instant.getFullYear()).padStart(4, "0");
  const day = `${year}-${pad(instant.getMonth() + 1)}-${pad(instant.getDate())}`;
  return `${day}T${pad(instant.getHours())}:${pad(instant.getMinutes())}`;
}

export const fromLocalInput = (typed: string): string | undefined => {
  const instant = new Date(typed);
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
};
