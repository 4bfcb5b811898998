/** Between a number and what people type for one. */

/** As JSON writes numbers; a plus, and a point at either end, are understood as well. */
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const STEP_DIGITS = 15;

/** What was typed, as a number where that says the same; else the text itself, for the server to refuse. */
export function numberOf(typed: string): number | string | undefined {
  const text = typed.trim();
  if (!text) return undefined;
  const number = NUMBER.test(text) ? Number(text) : Number.NaN;
  const isSame = /[.e]/i.test(text) ? Number.isFinite(number) : Number.isSafeInteger(number);
  return isSame ? number : text;
}

export const textOf = (value: unknown): string =>
  value === undefined || value === null ? "" : String(value);

interface Bounds {
  minimum?: number;
  maximum?: number;
}

/** The next number up or down, within bounds; from nothing, the first step leaves 0. */
export function stepped(value: number, by: number, { minimum = -Infinity, maximum = Infinity }: Bounds) {
  const next = value + by;
  const rounded = Number.isInteger(next) ? next : Number(next.toPrecision(STEP_DIGITS));
  return Math.min(maximum, Math.max(minimum, rounded));
}
