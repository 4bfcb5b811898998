import { describe, expect, it } from "vitest";
import type { LogLine } from "../api/types";
import { NO_LOG, partsOf, rankOf, shownLines, withPage } from "./log-lines";

const line = (seq: number, level = "INFO", text = `line ${seq}`): LogLine => ({
  seq,
  at: "2026-01-01T00:00:00Z",
  level,
  text,
});

describe("pages of a log", () => {
  it("are put together, and one that comes twice adds nothing", () => {
    const page = { attempt: 1, results: [line(1), line(2)], next: null };
    const log = withPage(NO_LOG, page);
    expect(withPage(log, page)).toBe(log);
    const more = withPage(log, { ...page, results: [line(2), line(3)] });
    expect(more.lines.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it("of another attempt begin anew", () => {
    const log = withPage(NO_LOG, { attempt: 1, results: [line(1), line(2)], next: null });
    expect(withPage(log, { attempt: 2, results: [line(1)], next: null })).toEqual({
      attempt: 2,
      lines: [line(1)],
    });
  });
});

describe("a filter", () => {
  const lines = [line(1, "DEBUG"), line(2), line(3, "STDERR", "Disk FULL"), line(4, "CRITICAL")];
  const seqs = (found: readonly LogLine[]) => found.map(({ seq }) => seq);

  it("by level lets that level and the ones above through", () => {
    expect(shownLines(lines, "all", " ")).toBe(lines);
    expect(seqs(shownLines(lines, "info", ""))).toEqual([2, 3, 4]);
    expect(seqs(shownLines(lines, "warning", ""))).toEqual([3, 4]);
    expect(seqs(shownLines(lines, "error", ""))).toEqual([4]);
    expect(rankOf("AUDIT")).toBe(rankOf("INFO"));
  });

  it("by text does not mind the case", () => {
    expect(seqs(shownLines(lines, "all", "disk full"))).toEqual([3]);
    expect(seqs(shownLines(lines, "error", "disk"))).toEqual([]);
  });
});

it("a long log is cut at the same places however it grows", () => {
  const lines = [1, 2, 3, 4, 5].map((seq) => line(seq));
  expect(partsOf(lines, 2).map((part) => part.map(({ seq }) => seq))).toEqual([[1, 2], [3, 4], [5]]);
  expect(partsOf(lines.slice(0, 4), 2)[0]).toEqual(partsOf(lines, 2)[0]);
});
