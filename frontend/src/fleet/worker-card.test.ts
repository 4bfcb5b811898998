import { describe, expect, it } from "vitest";
import type { Worker } from "../api/types";
import { blockedText, messageText } from "./worker-card";

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

describe("the event loop of a worker", () => {
  it("is not mentioned while nobody blocks it", () => {
    expect(blockedText({ blocked_by: null } as Worker)).toBeNull();
  });

  it("names who blocked it", () => {
    const by = { function: "probe", seconds: 2.5, at: "2030-01-01T00:00:00Z" };
    expect(blockedText({ blocked_by: by } as Worker)).toBe("probe blocked the event loop for 2.5 s");
  });
});
