import { TextInput, type TextInputProps } from "@mantine/core";
import { useState } from "react";
import { numberOf, stepped, textOf } from "./number-text";

interface Props extends Omit<TextInputProps, "value" | "onChange" | "inputMode" | "min" | "max" | "step"> {
  value: unknown;
  min?: number;
  max?: number;
  /** By which the arrow keys change it. */
  step?: number;
  isWhole?: boolean;
  onChange: (value: number | string | undefined) => void;
}

/** A number that is typed. Whatever it is stays as it was typed: a field that drops letters would run 35 for 3,5. */
export function NumberInput({ value, min, max, step = 1, isWhole = false, onChange, ...props }: Props) {
  const [typed, setTyped] = useState("");
  const keys: Record<string, number> = { ArrowUp: step, ArrowDown: -step };
  return (
    <TextInput
      {...props}
      // A phone's pads have no minus, and where a comma stands for the point no point.
      inputMode={isWhole && min !== undefined && min >= 0 ? "numeric" : undefined}
      autoComplete="off"
      spellCheck={false}
      value={numberOf(typed) === (value ?? undefined) ? typed : textOf(value)}
      onChange={({ currentTarget: { value: text } }) => {
        setTyped(text);
        onChange(numberOf(text));
      }}
      onKeyDown={(event) => {
        const by = keys[event.key];
        if (by === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        const from = value ?? 0;
        if (typeof from !== "number") return; // no step away from what was typed
        onChange(stepped(from, event.shiftKey ? 10 * by : by, { minimum: min, maximum: max }));
      }}
    />
  );
}
