/** Slots in words: plain functions and async ones have slots of their own. */
const exact = Intl.NumberFormat("en");

interface Slots {
  slots: number;
  async_slots: number;
}

interface Busy extends Slots {
  running: number;
  /** Of those, the tasks of async functions. */
  running_async: number;
}

/** "8 slots, 100 async". */
export function slotsText({ slots, async_slots: inLoops }: Slots): string {
  const plain = `${exact.format(slots)} ${slots === 1 ? "slot" : "slots"}`;
  return inLoops > 0 ? `${plain}, ${exact.format(inLoops)} async` : plain;
}

/** "3 of 8 slots busy, 12 of 100 async". */
export function busyText({
  running,
  running_async: runningAsync,
  slots,
  async_slots: inLoops,
}: Busy): string {
  const of = (used: number, most: number) => `${exact.format(Math.min(used, most))} of ${exact.format(most)}`;
  if (slots + inLoops === 0) return "no slots";
  const plain = `${of(running - runningAsync, slots)} ${slots === 1 ? "slot" : "slots"} busy`;
  return inLoops > 0 ? `${plain}, ${of(runningAsync, inLoops)} async` : plain;
}
