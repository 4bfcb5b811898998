/** Which tasks a list shows: as it stands in the address, in a query, and against an event. */
import { STATES, type State, type TaskEvent } from "./types";

export interface TaskFilter {
  states: readonly State[];
  fn?: string;
  queue?: string;
  worker?: string;
  owner?: string;
  search?: string;
  /** The id of a batch; has a page of its own. */
  batch?: string;
  /** Instants with their time zone. */
  after?: string;
  before?: string;
}

/** The same in the address of the page. */
export interface FilterSearch {
  state?: string;
  fn?: string;
  queue?: string;
  worker?: string;
  owner?: string;
  q?: string;
  after?: string;
  before?: string;
}

const text = (value: unknown) =>
  typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : undefined;
const instant = (value: unknown) => {
  const found = text(value);
  return found !== undefined && !Number.isNaN(Date.parse(found)) ? found : undefined;
};

/** "failed,running" in the order of the chips, without strangers. */
export const statesIn = (value: string | undefined): State[] =>
  STATES.filter((state) => value?.split(",").includes(state));

export const validateFilter = (search: Record<string, unknown>): FilterSearch => ({
  state: statesIn(text(search.state)).join(",") || undefined,
  fn: text(search.fn),
  queue: text(search.queue),
  worker: text(search.worker),
  owner: text(search.owner),
  q: text(search.q),
  after: instant(search.after),
  before: instant(search.before),
});

export const filterOf = ({ state, q, ...rest }: FilterSearch): TaskFilter => ({
  states: statesIn(state),
  search: q,
  ...rest,
});

export const isEmpty = ({ states, ...rest }: TaskFilter) =>
  states.length === 0 && Object.values(rest).every((value) => value === undefined);

/** The fields as the API names them. */
export const apiFields = (filter: TaskFilter): Record<string, string | readonly string[] | undefined> => ({
  state: filter.states,
  function: filter.fn ? [filter.fn] : undefined,
  queue: filter.queue,
  worker: filter.worker,
  owner: filter.owner,
  search: filter.search,
  batch: filter.batch,
  created_after: filter.after,
  created_before: filter.before,
});

export function queryOf(filter: TaskFilter, more: Record<string, string | null> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...apiFields(filter), ...more }))
    for (const item of Array.isArray(value) ? value : [value]) if (item) query.append(name, item);
  const found = query.toString();
  return found && `?${found}`;
}

/** Could the task of this event belong to the list? What an event does not tell counts as a yes. */
export const mayFit = ({ states, fn, queue, batch }: TaskFilter, event: TaskEvent): boolean =>
  // the batch of a task never changes, and is told whenever it has one
  (batch === undefined || event.batch === batch) &&
  (states.length === 0 || event.state === undefined || states.includes(event.state)) &&
  (fn === undefined || event.function === undefined || event.function === fn) &&
  (queue === undefined || event.queue === undefined || event.queue === queue);

/** The id right after this one: as a cursor it means "from here on, this one included". */
export function successor(id: string): string {
  const digits = (BigInt(`0x${id.replaceAll("-", "")}`) + 1n).toString(16).padStart(32, "0");
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20),
  ].join("-");
}
