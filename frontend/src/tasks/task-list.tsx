import { Button, Center, Paper, Skeleton, Stack, Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconArrowUp } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { isEmpty, type TaskFilter } from "../api/filter";
import { useMaySubmit } from "../api/queries";
import type { Counts } from "../api/types";
import { Empty } from "../components/empty";
import { Problem } from "../components/problem";
import { BulkBar } from "./bulk-bar";
import { countText } from "./state-chips";
import { TaskCards } from "./task-cards";
import { TaskTable } from "./task-table";
import { useReading } from "./use-reading";
import { useRowKeys } from "./use-row-keys";
import { useTaskList } from "./use-task-list";

const PHONE = "(max-width: 47.99em)";

function Nothing({ filtered }: { filtered: boolean }) {
  const maySubmit = useMaySubmit();
  if (!filtered && !maySubmit)
    return <Empty title="No tasks yet" hint="They appear here as soon as somebody starts one." />;
  return filtered ? (
    <Empty title="No tasks match these filters">
      <Button mt="xs" size="xs" variant="default" renderRoot={(p) => <Link to="/tasks" search={{}} {...p} />}>
        Clear filters
      </Button>
    </Empty>
  ) : (
    <Empty title="No tasks yet" hint="Start one and watch it here.">
      <Button mt="xs" size="sm" renderRoot={(p) => <Link to="/new" {...p} />}>
        New task
      </Button>
    </Empty>
  );
}

/** How many tasks came while the list stood still. What is to be read out must stand there before it changes. */
function Arrivals({ counts, onShow }: { counts: Counts | undefined; onShow: () => void }) {
  const sum = Object.values(counts?.counts ?? {}).reduce((all, count) => all + count, 0);
  return (
    <Center role="status" mt={sum === 0 ? "calc(-1 * var(--mantine-spacing-sm))" : undefined}>
      {counts && sum > 0 && (
        <Button
          size="compact-sm"
          radius="xl"
          variant="light"
          leftSection={<IconArrowUp size={14} />}
          onClick={onShow}
        >
          {countText(sum, counts)} new {sum === 1 ? "task" : "tasks"}
        </Button>
      )}
    </Center>
  );
}

/** Begins anew with another filter. */
function useSelection(filter: TaskFilter) {
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [of, setOf] = useState(filter);
  if (of !== filter) {
    setOf(filter);
    setSelected(new Set());
  }
  const toggle = useCallback(
    (id: string) =>
      setSelected((before) => {
        const next = new Set(before);
        if (!next.delete(id)) next.add(id);
        return next;
      }),
    [],
  );
  const clear = useCallback(() => setSelected(new Set()), []);
  return { selected, setSelected, toggle, clear };
}

/** `filter` stays the very same object as long as it asks for the same. */
export function TaskList({ filter, counts }: { filter: TaskFilter; counts: Counts | undefined }) {
  const phone = useMediaQuery(PHONE, undefined, { getInitialValueInEffect: false });
  const { selected, setSelected, toggle, clear } = useSelection(filter);
  const { ref, reading } = useReading();
  const shown = useTaskList(filter, reading || selected.size > 0);
  const { list, tasks } = shown;
  useRowKeys(ref, toggle);
  const toggleAll = useCallback(
    () =>
      setSelected((before) =>
        tasks.every(({ id }) => before.has(id)) ? new Set() : new Set(tasks.map(({ id }) => id)),
      ),
    [tasks, setSelected],
  );
  const follow = () => {
    clear();
    shown.live();
    window.scrollTo(0, 0);
  };
  const Rows = phone ? TaskCards : TaskTable;
  const body =
    tasks.length > 0 ? (
      <Rows
        tasks={tasks}
        busy={list.isPlaceholderData || list.isFetchingNextPage}
        selected={selected}
        onToggle={toggle}
        onToggleAll={toggleAll}
      />
    ) : shown.searchedAll ? (
      <Nothing filtered={!isEmpty(filter)} />
    ) : null;
  return (
    <Stack gap="sm" ref={ref}>
      {selected.size > 0 && (
        <BulkBar
          selected={selected}
          filter={filter}
          counts={counts}
          hasMore={list.hasNextPage || shown.place === "older"}
          onClear={clear}
        />
      )}
      <Arrivals counts={shown.arrivals} onShow={follow} />
      {shown.place === "older" && (
        <Center>
          <Button size="compact-sm" variant="light" radius="xl" onClick={follow}>
            Back to the newest
          </Button>
        </Center>
      )}
      {list.error && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {shown.isPending ? (
        <Skeleton h={260} radius="md" role="img" aria-label="Loading tasks" />
      ) : body === null || (list.error && tasks.length === 0) ? null : phone ? (
        body
      ) : (
        <Paper withBorder radius="md" style={{ overflow: "hidden" }}>
          {body}
        </Paper>
      )}
      {!shown.searchedAll && (
        <Text size="sm" c="dimmed" ta="center">
          {tasks.length > 0 ? "Older tasks may match too." : "None of the newest 50,000 tasks matches."}
        </Text>
      )}
      {list.hasNextPage && (
        <Center>
          <Button variant="subtle" size="xs" loading={list.isFetchingNextPage} onClick={shown.older}>
            {shown.searchedAll ? "Load older" : "Look further back"}
          </Button>
        </Center>
      )}
    </Stack>
  );
}
