import { describe, expect, it } from "vitest";
import { fromLocalInput, toLocalInput } from "./options";
import { asCurl, asPython, pythonLiteral } from "./snippets";

describe("the form as a call", () => {
  it("curl sends what the form would, safely quoted", () => {
    expect(asCurl("http://h", "echo", { text: "it's" }, { priority: 5, queue: undefined })).toBe(
      `curl http://h/api/tasks/ \\\n  -H 'Content-Type: application/json' \\\n  -d '{"function":"echo","arguments":{"text":"it'\\''s"},"priority":5}'`,
    );
  });

  it("Python enqueues, with options by using()", () => {
    expect(asPython("app.tasks.crunch", { rows: 3 }, {})).toBe(
      "from app.tasks import crunch\n\ncrunch.enqueue(rows=3)",
    );
    expect(asPython("app.tasks.crunch", {}, { queue: "big", priority: -1 })).toContain(
      'crunch.using(queue_name="big", priority=-1).enqueue()',
    );
    expect(asPython("app.tasks.crunch", {}, { run_after: "2030-01-01T00:00:00Z" })).toContain(
      'run_after=datetime.fromisoformat("2030-01-01T00:00:00+00:00")',
    );
  });

  it("JSON becomes Python", () => {
    expect(pythonLiteral({ a: [true, null, 'x"'] })).toBe('{"a": [True, None, "x\\""]}');
  });
});

it("an instant survives the local input", () => {
  const minute = new Date(2030, 0, 31, 9, 5);
  expect(toLocalInput(minute)).toBe("2030-01-31T09:05");
  expect(fromLocalInput(toLocalInput(minute))).toBe(minute.toISOString());
  expect(fromLocalInput("")).toBeUndefined();
});
