/** The lines of a log: gathered page by page, told apart by level, found by text. */
import type { LogLine, LogPage } from "../api/types";

/** What an attempt logged so far, as far as it is known here. */
export interface Log {
  attempt: number;
  lines: readonly LogLine[];
}

export const NO_LOG: Log = { attempt: 0, lines: [] };

/** A page that came twice, or an older one, adds nothing; one of another attempt begins anew. */
export function withPage(known: Log, page: LogPage): Log {
  if (page.attempt !== known.attempt) return { attempt: page.attempt, lines: page.results };
  const last = known.lines.at(-1)?.seq ?? 0;
  const fresh = page.results.filter(({ seq }) => seq > last);
  return fresh.length === 0 ? known : { attempt: known.attempt, lines: [...known.lines, ...fresh] };
}

export const LEVELS = ["all", "info", "warning", "error"] as const;
export type Least = (typeof LEVELS)[number];

const RANKS: Record<string, number> = {
  DEBUG: 0,
  STDOUT: 1,
  INFO: 1,
  STDERR: 2,
  WARNING: 2,
  ERROR: 3,
  CRITICAL: 3,
};

/** A level of the task's own making counts as information. */
export const rankOf = (level: string) => RANKS[level] ?? 1;

/** Lines of this level and above whose text contains the words, in whatever case. */
export function shownLines(lines: readonly LogLine[], least: Least, words: string): readonly LogLine[] {
  const rank = LEVELS.indexOf(least);
  const wanted = words.trim().toLowerCase();
  if (rank === 0 && !wanted) return lines;
  return lines.filter(
    (line) => rankOf(line.level) >= rank && (!wanted || line.text.toLowerCase().includes(wanted)),
  );
}

/** Parts of a long log, cut at the same places however it grows, so that a part once drawn stays as it is. */
export function partsOf(lines: readonly LogLine[], size: number): (readonly LogLine[])[] {
  const parts: (readonly LogLine[])[] = [];
  for (let start = 0; start < lines.length; start += size) parts.push(lines.slice(start, start + size));
  return parts;
}
