import { expect, it } from "vitest";
import { fromLocalInput, toLocalInput } from "./options";

it("writes any year so that the browser takes it back, as while it is being typed", () => {
  for (const typed of ["2026-11-29T09:05", "0002-11-30T09:00"])
    expect(toLocalInput(new Date(fromLocalInput(typed) ?? ""))).toBe(typed);
});
