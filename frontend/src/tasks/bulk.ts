/** Doing the same to many tasks, in calls the server can answer at once. */
import { api } from "../api/client";
import { apiFields, type TaskFilter } from "../api/filter";
import { type Act, type Counts, STATES, type State } from "../api/types";

const MOST_IDS = 1000;

export type Target = { ids: readonly string[] } | { filter: TaskFilter };

/** In which states a task can be acted on so. */
const STATES_FOR: Record<Act, readonly State[]> = {
  cancel: ["scheduled", "queued", "running"],
  retry: ["succeeded", "failed", "cancelled"],
};

/** How many tasks of the filter the act is for, as far as they were counted. */
export function affected(act: Act, filter: TaskFilter, counts: Counts): number {
  const asked = filter.states.length > 0 ? filter.states : STATES;
  return asked
    .filter((state) => STATES_FOR[act].includes(state))
    .reduce((sum, state) => sum + (counts.counts[state] ?? 0), 0);
}

/** Tells after each call how many were changed so far; returns the sum. Raises ApiError. */
export async function actOn(
  act: Act,
  target: Target,
  onProgress: (changed: number) => void,
): Promise<number> {
  let changed = 0;
  const add = (more: number) => {
    changed += more;
    onProgress(changed);
  };
  if ("ids" in target) {
    for (let start = 0; start < target.ids.length; start += MOST_IDS)
      add((await api.act({ action: act, ids: target.ids.slice(start, start + MOST_IDS) })).changed);
    return changed;
  }
  let cursor: string | null = null;
  do {
    const acted = await api.act({ action: act, filter: apiFields(target.filter), cursor });
    add(acted.changed);
    cursor = acted.next;
  } while (cursor !== null);
  return changed;
}
