import { useState } from "react";

type Slots = ReadonlyMap<string, number>;

/** A row that stays keeps its slot; a new one takes that of a row that has gone, or one never used. */
export function slotsOf(before: Slots, ids: readonly string[]): Slots {
  const stays = new Set(ids);
  const free = [...before].filter(([id]) => !stays.has(id)).map(([, slot]) => slot);
  let fresh = Math.max(-1, ...before.values());
  return new Map(ids.map((id) => [id, before.get(id) ?? free.pop() ?? ++fresh]));
}

/**
 * React keys for rows, in their order: under a flood all rows of a page are new ones within a second, and
 * elements that are filled anew cost a fraction of elements that are made anew.
 */
export function useSlots(rows: readonly { id: string }[]): number[] {
  const [slots, setSlots] = useState<Slots>(new Map());
  const ids = rows.map(({ id }) => id);
  if (slots.size === new Set(ids).size && ids.every((id) => slots.has(id)))
    return ids.map((id) => slots.get(id) as number);
  const next = slotsOf(slots, ids);
  setSlots(next);
  return ids.map((id) => next.get(id) as number);
}
