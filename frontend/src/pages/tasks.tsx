import { Button, Center, Group, Paper, Skeleton, Stack, Title } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTopic } from "../api/live";
import { countsQuery, tasksQuery } from "../api/queries";
import type { State } from "../api/types";
import { Empty } from "../components/empty";
import { Problem } from "../components/problem";
import { StateChips } from "../components/state-chips";
import { TaskCards, TaskTable } from "../components/task-table";
import { statesIn } from "../router";

const route = getRouteApi("/tasks");
const PHONE = "(max-width: 47.99em)";

function NewTaskButton() {
  return (
    <Button renderRoot={(p) => <Link to="/new" {...p} />} leftSection={<IconPlus size={16} />} size="sm">
      New task
    </Button>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (!filtered)
    return (
      <Empty title="No tasks yet" hint="Start one and watch it here.">
        <NewTaskButton />
      </Empty>
    );
  return (
    <Empty title="No tasks match these filters">
      <Button mt="xs" size="xs" variant="default" renderRoot={(p) => <Link to="/tasks" search={{}} {...p} />}>
        Clear filters
      </Button>
    </Empty>
  );
}

function TaskList({ states }: { states: State[] }) {
  const phone = useMediaQuery(PHONE, undefined, { getInitialValueInEffect: false });
  const list = useInfiniteQuery(tasksQuery(states));
  const tasks = list.data?.pages.flatMap((page) => page.results) ?? [];
  const Rows = phone ? TaskCards : TaskTable;
  if (list.isPending) return <Skeleton h={260} radius="md" role="img" aria-label="Loading tasks" />;
  if (list.error && tasks.length === 0)
    return <Problem error={list.error} onRetry={() => void list.refetch()} />;
  const body = (
    <>
      {tasks.length > 0 ? (
        <Rows tasks={tasks} busy={list.isFetching} />
      ) : (
        <Nothing filtered={states.length > 0} />
      )}
      {list.hasNextPage && (
        <Center p="sm">
          <Button
            variant="subtle"
            size="xs"
            loading={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            Load older
          </Button>
        </Center>
      )}
    </>
  );
  return phone ? (
    body
  ) : (
    <Paper withBorder radius="md" style={{ overflow: "hidden" }}>
      {body}
    </Paper>
  );
}

export default function TasksPage() {
  const { state } = route.useSearch();
  const navigate = route.useNavigate();
  const states = useMemo(() => statesIn(state), [state]);
  const counts = useQuery(countsQuery).data;
  useTopic("tasks");
  const toggle = (clicked: State) => {
    const next = states.includes(clicked) ? states.filter((s) => s !== clicked) : [...states, clicked];
    void navigate({ search: { state: next.join(",") || undefined } });
  };
  return (
    <Stack gap="md">
      <title>Tasks · Taskdeck</title>
      <Group justify="space-between">
        <Title order={1} size="h3">
          Tasks
        </Title>
        <NewTaskButton />
      </Group>
      <StateChips chosen={states} counts={counts} onToggle={toggle} />
      <TaskList states={states} />
    </Stack>
  );
}
