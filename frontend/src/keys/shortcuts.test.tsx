import { fireEvent, render } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { enableShortcuts, step, useShortcuts } from "./shortcuts";

afterEach(() => enableShortcuts(true));

function Page(handlers: Parameters<typeof useShortcuts>[0]) {
  useShortcuts(handlers);
  return <input aria-label="Search" />;
}

describe("keys", () => {
  it("one key is an action, two make a sequence", () => {
    expect(step("", "n")).toEqual({ action: "new", pending: "" });
    expect(step("", "g")).toEqual({ pending: "g" });
    expect(step("g", "t")).toEqual({ action: "tasks", pending: "" });
  });

  it("a key that does not go on begins anew", () => {
    expect(step("g", "n")).toEqual({ action: "new", pending: "" });
    expect(step("g", "z")).toEqual({ pending: "" });
  });
});

describe("handlers", () => {
  it("hear keys of the page, but none that are typed into a field or with Ctrl", () => {
    const create = vi.fn();
    const { getByLabelText } = render(<Page new={create} />);
    fireEvent.keyDown(getByLabelText("Search"), { key: "n" });
    fireEvent.keyDown(document.body, { key: "n", ctrlKey: true });
    expect(create).not.toHaveBeenCalled();
    fireEvent.keyDown(document.body, { key: "n" });
    expect(create).toHaveBeenCalledOnce();
  });

  it("of the page stand above those of the shell", () => {
    const shell = vi.fn();
    const page = vi.fn();
    render(<Page retry={shell} />);
    render(<Page retry={page} />);
    fireEvent.keyDown(document.body, { key: "r" });
    expect([shell.mock.calls.length, page.mock.calls.length]).toEqual([0, 1]);
  });

  it("are silent when switched off, except the list that holds the switch", () => {
    const create = vi.fn();
    const help = vi.fn();
    render(<Page new={create} help={help} />);
    enableShortcuts(false);
    fireEvent.keyDown(document.body, { key: "n" });
    fireEvent.keyDown(document.body, { key: "?" });
    expect([create.mock.calls.length, help.mock.calls.length]).toEqual([0, 1]);
  });
});
