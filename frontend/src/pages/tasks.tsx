import { Button, Group, Stack, Title } from "@mantine/core";
import { IconFilter, IconPlus, IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Activity, memo, useCallback, useDeferredValue, useMemo, useRef, useState } from "react";
import { type FilterSearch, filterOf } from "../api/filter";
import { useTopic } from "../api/live";
import { countsQuery, useMaySubmit } from "../api/queries";
import type { State } from "../api/types";
import { useShortcuts } from "../keys/shortcuts";
import { StateChips } from "../tasks/state-chips";
import { SlowText, TaskFilters } from "../tasks/task-filters";
import { TaskList } from "../tasks/task-list";

const route = getRouteApi("/tasks");

/** Filters of the panel that are in force. */
const folded = ({ fn, queue, worker, owner, after, before }: FilterSearch) =>
  [fn, queue, worker, owner, after, before].filter((value) => value !== undefined).length;

interface Props {
  search: FilterSearch;
  onChange: (change: FilterSearch) => void;
  isOpen: boolean;
  onOpen: (isOpen: boolean) => void;
}

/** Apart from the counts, which change by the second. */
const Head = memo(function Head({ search, onChange, isOpen, onOpen }: Props) {
  const box = useRef<HTMLInputElement>(null);
  const maySubmit = useMaySubmit();
  useShortcuts({ search: () => box.current?.focus() });
  const inForce = folded(search);
  return (
    <Group justify="space-between" gap="sm">
      <Title order={1} size="h3">
        Tasks
      </Title>
      <Group gap="xs" style={{ flexGrow: 1 }} justify="flex-end">
        <SlowText
          ref={box}
          type="search"
          aria-label="Search the arguments"
          placeholder="Text in the arguments, or an id"
          leftSection={<IconSearch size={15} />}
          value={search.q}
          onChange={(q) => onChange({ q })}
          w={{ base: "100%", xs: 260 }}
        />
        <Button
          variant="default"
          aria-expanded={isOpen}
          leftSection={<IconFilter size={15} />}
          onClick={() => onOpen(!isOpen)}
        >
          {inForce > 0 ? `Filters (${inForce})` : "Filters"}
        </Button>
        {maySubmit && (
          <Button renderRoot={(p) => <Link to="/new" {...p} />} leftSection={<IconPlus size={16} />}>
            New task
          </Button>
        )}
      </Group>
    </Group>
  );
});

export default function TasksPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const filter = useMemo(() => filterOf(search), [search]);
  const [isOpen, setOpen] = useState(folded(search) > 0);
  // Button and chip answer at once; the panel and the list follow between the visitor's keys and clicks.
  const isShown = useDeferredValue(isOpen);
  const listed = useDeferredValue(filter);
  const counts = useQuery({
    ...countsQuery({ ...filter, states: [] }),
    placeholderData: keepPreviousData,
  }).data;
  useTopic("tasks");
  const change = useCallback(
    (part: FilterSearch) => void navigate({ search: (before) => ({ ...before, ...part }), replace: true }),
    [navigate],
  );
  const toggle = useCallback(
    (state: State) => {
      const states = filter.states.includes(state)
        ? filter.states.filter((other) => other !== state)
        : [...filter.states, state];
      change({ state: states.join(",") || undefined });
    },
    [filter, change],
  );
  const running = counts?.counts.running ?? 0;
  return (
    <Stack gap="md">
      <title>{`${running > 0 ? `${running} running · ` : ""}Tasks · Taskdeck`}</title>
      <Head search={search} onChange={change} isOpen={isOpen} onOpen={setOpen} />
      <StateChips chosen={filter.states} counts={counts} onToggle={toggle} />
      <Activity mode={isShown ? "visible" : "hidden"}>
        <TaskFilters search={search} onChange={change} />
      </Activity>
      <TaskList filter={listed} counts={counts} />
    </Stack>
  );
}
