import { MantineProvider } from "@mantine/core";
import { act, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { SlowText } from "./task-filters";

afterEach(() => {
  vi.useRealTimers();
});

const box = (value: string | undefined, onChange: (value: string | undefined) => void) => (
  <MantineProvider env="test">
    <SlowText label="Search" value={value} onChange={onChange} />
  </MantineProvider>
);

it("keeps what is typed while an earlier pause is on its way to the address, and follows other changes", () => {
  vi.useFakeTimers();
  const told: (string | undefined)[] = [];
  const tell = (value: string | undefined) => told.push(value);
  const { rerender } = render(box(undefined, tell));
  const input = screen.getByLabelText("Search");
  const type = (text: string) => fireEvent.change(input, { target: { value: text } });
  const pause = () => act(() => vi.advanceTimersByTime(1000));
  type("inv");
  pause();
  type("invo");
  rerender(box("inv", tell));
  expect(input).toHaveValue("invo");
  pause();
  expect(told).toEqual(["inv", "invo"]);
  rerender(box("invo", tell));
  rerender(box(undefined, tell));
  expect(input).toHaveValue("");
});
