import { Button, Group, Stack, Title } from "@mantine/core";
import { IconFilter, IconPlus, IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useRef, useState } from "react";
import { type FilterSearch, filterOf } from "../api/filter";
import { useTopic } from "../api/live";
import { countsQuery } from "../api/queries";
import type { State } from "../api/types";
import { useShortcuts } from "../keys/shortcuts";
import { StateChips } from "../tasks/state-chips";
import { SlowText, TaskFilters } from "../tasks/task-filters";
import { TaskList } from "../tasks/task-list";

const route = getRouteApi("/tasks");

/** Filters of the panel that are in force. */
const folded = ({ fn, queue, worker, owner, after, before }: FilterSearch) =>
  [fn, queue, worker, owner, after, before].filter((value) => value !== undefined).length;

export default function TasksPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const filter = useMemo(() => filterOf(search), [search]);
  const box = useRef<HTMLInputElement>(null);
  const [open, setOpen] = useState(folded(search) > 0);
  const counts = useQuery({
    ...countsQuery({ ...filter, states: [] }),
    placeholderData: keepPreviousData,
  }).data;
  useTopic("tasks");
  useShortcuts({ search: () => box.current?.focus() });
  const change = (part: FilterSearch) =>
    void navigate({ search: (before) => ({ ...before, ...part }), replace: true });
  const toggle = (state: State) => {
    const states = filter.states.includes(state)
      ? filter.states.filter((other) => other !== state)
      : [...filter.states, state];
    change({ state: states.join(",") || undefined });
  };
  const running = counts?.counts.running ?? 0;
  const inForce = folded(search);
  return (
    <Stack gap="md">
      <title>{`${running > 0 ? `${running} running · ` : ""}Tasks · Taskdeck`}</title>
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
            onChange={(q) => change({ q })}
            w={{ base: "100%", xs: 260 }}
          />
          <Button
            variant="default"
            aria-expanded={open}
            leftSection={<IconFilter size={15} />}
            onClick={() => setOpen(!open)}
          >
            {inForce > 0 ? `Filters (${inForce})` : "Filters"}
          </Button>
          <Button renderRoot={(p) => <Link to="/new" {...p} />} leftSection={<IconPlus size={16} />}>
            New task
          </Button>
        </Group>
      </Group>
      <StateChips chosen={filter.states} counts={counts} onToggle={toggle} />
      {open && <TaskFilters search={search} onChange={change} />}
      <TaskList key={JSON.stringify(filter)} filter={filter} counts={counts} />
    </Stack>
  );
}
