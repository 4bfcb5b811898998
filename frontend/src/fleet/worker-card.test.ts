import { describe, expect, it } from "vitest";
import type { Worker } from "../api/types";
import { messageText } from "./worker-card";

const none = { malformed: 0, unknown: 0, dropped: 0, nacked: 0, waiting: 0 };
const textOf = (found: Partial<Worker["messages"]>) =>
  messageText({ messages: { ...none, ...found } } as Worker);

describe("messages of a worker", () => {
  it("are not mentioned while all is well", () => {
    expect(textOf({})).toBeNull();
  });

  it("are counted by what was wrong with them", () => {
    expect(textOf({ malformed: 1200, waiting: 1 })).toBe(
      "Messages: 1,200 malformed, 1 waiting for the broker",
    );
  });
});
