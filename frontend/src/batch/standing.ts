/** How a batch stands, from its counts. */
import { TERMINAL } from "../api/events";
import { type Batch, STATES, type State } from "../api/types";

export interface Standing {
  /** Tasks that are there now: pruned ones are no longer. */
  total: number;
  ended: number;
  failed: number;
  /** Whole percent; 100 only when all have ended. */
  percent: number;
  word: "Waiting" | "Running" | "Ended" | "Ended with failures";
}

/** Null where the server did not count: a batch of very many tasks in a list. */
export function standingOf({ counts }: Pick<Batch, "counts">): Standing | null {
  if (counts === null) return null;
  const of = (state: State) => counts[state] ?? 0;
  const sum = (states: readonly State[]) => states.reduce((all, state) => all + of(state), 0);
  const total = sum(STATES);
  const ended = sum(STATES.filter((state) => TERMINAL.has(state)));
  const hasBegun = ended > 0 || of("running") > 0;
  const live = hasBegun ? "Running" : "Waiting";
  const over = of("failed") > 0 ? "Ended with failures" : "Ended";
  return {
    total,
    ended,
    failed: of("failed"),
    percent: total === 0 ? 100 : Math.floor((ended / total) * 100),
    word: ended < total ? live : over,
  };
}

/** The parts of the bar, the ended ones first. What is left of it waits. */
const BAR_ORDER = ["succeeded", "failed", "cancelled", "running"] as const satisfies readonly State[];

export function sharesOf(counts: NonNullable<Batch["counts"]>): { state: State; percent: number }[] {
  const total = STATES.reduce((all, state) => all + (counts[state] ?? 0), 0);
  return BAR_ORDER.filter((state) => (counts[state] ?? 0) > 0).map((state) => ({
    state,
    percent: ((counts[state] ?? 0) / total) * 100,
  }));
}

/** What a tab in the background tells. */
export const batchTitle = (standing: Standing | null) =>
  standing === null || standing.word.startsWith("Ended")
    ? `${standing?.word ?? "Batch"}: batch · Taskdeck`
    : `${standing.percent}% of a batch · Taskdeck`;
