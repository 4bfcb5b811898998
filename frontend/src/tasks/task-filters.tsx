import { Button, Group, NativeSelect, Paper, SimpleGrid, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { memo, useEffect, useRef, useState } from "react";
import type { FilterSearch } from "../api/filter";
import { functionsQuery } from "../api/queries";
import { fromLocalInput, toLocalInput } from "../forms/options";

const TYPING_MS = 350;

interface Props {
  search: FilterSearch;
  onChange: (change: FilterSearch) => void;
}

/** A text field whose value reaches the address once the typing pauses. */
export function SlowText({
  value,
  onChange,
  ...field
}: {
  value: string | undefined;
  onChange: (value: string | undefined) => void;
  label?: string;
  "aria-label"?: string;
  placeholder?: string;
  ref?: React.Ref<HTMLInputElement>;
  type?: string;
  leftSection?: React.ReactNode;
  w?: React.ComponentProps<typeof TextInput>["w"];
}) {
  const [typed, setTyped] = useState(value ?? "");
  const told = useRef<string[]>([]); // and not yet in the address
  const tell = useDebouncedCallback((typing: string) => {
    const text = typing.trim();
    if (text === (told.current.at(-1) ?? value ?? "")) return;
    told.current.push(text);
    onChange(text || undefined);
  }, TYPING_MS);
  // The address changes from outside too: "Clear filters", or the back button.
  useEffect(() => {
    const arrived = told.current.indexOf(value ?? "");
    told.current = arrived < 0 ? [] : told.current.slice(arrived + 1);
    if (arrived < 0) setTyped(value ?? "");
  }, [value]);
  return (
    <TextInput
      {...field}
      size="sm"
      maxLength={200}
      value={typed}
      onChange={({ currentTarget: { value: text } }) => {
        setTyped(text);
        tell(text);
      }}
    />
  );
}

const local = (instant: string | undefined) => (instant ? toLocalInput(new Date(instant)) : "");

/** What beside state and text can narrow the list. */
export const TaskFilters = memo(function TaskFilters({ search, onChange }: Props) {
  const functions = useQuery(functionsQuery).data ?? [];
  return (
    <Paper withBorder radius="md" p="sm" component="section" aria-label="Filters">
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 6 }} spacing="sm">
        <NativeSelect
          label="Function"
          value={search.fn ?? ""}
          onChange={(event) => onChange({ fn: event.currentTarget.value || undefined })}
          data={[
            { value: "", label: "Any" },
            ...functions.map(({ name, title }) => ({ value: name, label: title })),
          ]}
        />
        <SlowText
          label="Queue"
          placeholder="Any"
          value={search.queue}
          onChange={(queue) => onChange({ queue })}
        />
        <SlowText
          label="Worker"
          placeholder="Any"
          value={search.worker}
          onChange={(worker) => onChange({ worker })}
        />
        <SlowText
          label="Owner"
          placeholder="Any"
          value={search.owner}
          onChange={(owner) => onChange({ owner })}
        />
        <TextInput
          type="datetime-local"
          label="Submitted after"
          value={local(search.after)}
          onChange={(event) => onChange({ after: fromLocalInput(event.currentTarget.value) })}
        />
        <TextInput
          type="datetime-local"
          label="Submitted before"
          value={local(search.before)}
          onChange={(event) => onChange({ before: fromLocalInput(event.currentTarget.value) })}
        />
      </SimpleGrid>
      <Group justify="flex-end" mt="xs">
        <Button
          size="compact-sm"
          variant="subtle"
          onClick={() =>
            onChange({
              state: undefined,
              q: undefined,
              fn: undefined,
              owner: undefined,
              queue: undefined,
              worker: undefined,
              after: undefined,
              before: undefined,
            })
          }
        >
          Clear filters
        </Button>
      </Group>
    </Paper>
  );
});
