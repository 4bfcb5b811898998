import { SimpleGrid, TextInput } from "@mantine/core";
import { useState } from "react";
import type { FieldError } from "../api/types";
import { NumberInput } from "./number-input";
import { fromLocalInput, type OptionField, type SubmitOptions, toLocalInput } from "./options";

interface Props {
  /** The queue this function uses by itself. */
  queue: string;
  options: SubmitOptions;
  errors: readonly FieldError[];
  onChange: (options: SubmitOptions) => void;
}

/** Folded away: most tasks need none of it. Opens by itself where the server refused one of them. */
export function OptionsFields({ queue, options, errors, onChange }: Props) {
  const [now] = useState(() => new Date());
  const [isOpen, setOpen] = useState(false);
  const errorOf = (field: OptionField) => errors.find((error) => error.field === field)?.message;
  const set = (change: SubmitOptions) => onChange({ ...options, ...change });
  return (
    <details
      style={{ marginTop: 16 }}
      open={isOpen || errors.length > 0}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>Options</summary>
      <SimpleGrid cols={{ base: 1, xs: 3 }} mt="sm" spacing="sm">
        <TextInput
          label="Queue"
          placeholder={queue}
          value={options.queue ?? ""}
          error={errorOf("queue")}
          onChange={(event) => set({ queue: event.currentTarget.value || undefined })}
        />
        <NumberInput
          label="Priority"
          description="-100 to 100, higher first"
          placeholder="0"
          inputWrapperOrder={["label", "input", "description", "error"]}
          min={-100}
          max={100}
          isWhole
          value={options.priority}
          error={errorOf("priority")}
          onChange={(priority) => set({ priority })}
        />
        <TextInput
          type="datetime-local"
          label="Run later"
          description="Your local time"
          inputWrapperOrder={["label", "input", "description", "error"]}
          min={toLocalInput(now)}
          value={options.run_after ? toLocalInput(new Date(options.run_after)) : ""}
          error={errorOf("run_after")}
          onChange={(event) => set({ run_after: fromLocalInput(event.currentTarget.value) })}
        />
      </SimpleGrid>
    </details>
  );
}
