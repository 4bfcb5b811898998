import { expect, it } from "vitest";
import { busyText, slotsText } from "./slots";

it("tells slots, and those of async functions where there are any", () => {
  expect(slotsText({ slots: 1, async_slots: 0 })).toBe("1 slot");
  expect(slotsText({ slots: 8, async_slots: 1000 })).toBe("8 slots, 1,000 async");
});

it("tells how many are busy, each kind by itself and never more than there are", () => {
  const busy = { running: 12, running_async: 9, slots: 8, async_slots: 100 };
  expect(busyText(busy)).toBe("3 of 8 slots busy, 9 of 100 async");
  expect(busyText({ ...busy, running_async: 0, async_slots: 0 })).toBe("8 of 8 slots busy");
  expect(busyText({ running: 0, running_async: 0, slots: 0, async_slots: 0 })).toBe("no slots");
});
