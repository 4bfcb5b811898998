import { Anchor, Code, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconArrowRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { ApiError } from "../api/client";
import { statesIn } from "../api/filter";
import { useTopic } from "../api/live";
import { batchQuery } from "../api/queries";
import type { Batch, Counts, State } from "../api/types";
import { BatchActions } from "../batch/batch-actions";
import { BatchBar, StandingBadge } from "../batch/batch-bar";
import { batchTitle, type Standing, standingOf } from "../batch/standing";
import { Copy } from "../components/copy";
import { NotFound } from "../components/not-found";
import { PageProblem } from "../components/problem";
import { StateBadge } from "../components/states";
import { RunTime, TimeAgo } from "../components/time";
import { StateChips } from "../tasks/state-chips";
import { TaskList } from "../tasks/task-list";

const route = getRouteApi("/batches/$id");
const exact = Intl.NumberFormat("en");

function Then({ task }: { task: NonNullable<Batch["then_task"]> }) {
  useTopic(`task:${task.id}`);
  return (
    <Group gap="xs" mt="sm">
      <IconArrowRight size={16} aria-hidden />
      <Text size="sm">Then</Text>
      <Anchor size="sm" fw={600} renderRoot={(p) => <Link to="/tasks/$id" params={{ id: task.id }} {...p} />}>
        {task.function}
      </Anchor>
      {task.state === "scheduled" ? (
        <Text size="sm" c="dimmed">
          runs once all have ended
        </Text>
      ) : (
        <StateBadge task={{ state: task.state, failures: 0, cancel_requested: false }} />
      )}
    </Group>
  );
}

function Head({ batch, standing }: { batch: Batch; standing: Standing }) {
  return (
    <Group justify="space-between" align="flex-start">
      <div>
        <Group gap="sm">
          <Title order={1} size="h3">
            Batch of {exact.format(batch.size)} {batch.size === 1 ? "task" : "tasks"}
          </Title>
          <span role="status">
            <StandingBadge standing={standing} />
          </span>
        </Group>
        <Copy text={batch.id} name={`the id ${batch.id}`}>
          <Code>{batch.id}</Code>
        </Copy>
      </div>
      <BatchActions batch={batch} standing={standing} />
    </Group>
  );
}

function Facts({ batch }: { batch: Batch }) {
  const timed = { started_at: batch.created_at, finished_at: batch.finished_at };
  return (
    <Text size="sm" c="dimmed" mt="xs">
      {batch.functions.length > 0 && `${batch.functions.join(", ")} · `}
      submitted <TimeAgo at={batch.created_at} />
      {batch.owner && ` by ${batch.owner}`} · {batch.finished_at ? "took" : "so far"} <RunTime task={timed} />
    </Text>
  );
}

function BatchView({ batch, standing }: { batch: Batch; standing: Standing }) {
  const { state } = route.useSearch();
  const navigate = route.useNavigate();
  const filter = useMemo(() => ({ states: statesIn(state), batch: batch.id }), [state, batch.id]);
  const counts: Counts = { counts: batch.counts ?? {}, cap: Number.MAX_SAFE_INTEGER, is_complete: true };
  const toggle = (one: State) => {
    const states = filter.states.includes(one)
      ? filter.states.filter((other) => other !== one)
      : [...filter.states, one];
    void navigate({ search: { state: states.join(",") || undefined }, replace: true });
  };
  return (
    <Stack gap="md">
      <title>{batchTitle(standing)}</title>
      <Head batch={batch} standing={standing} />
      <Paper withBorder p="md" radius="md">
        <BatchBar counts={counts.counts} standing={standing} size={12} />
        <Facts batch={batch} />
        {batch.then_task && <Then task={batch.then_task} />}
      </Paper>
      <StateChips chosen={filter.states} counts={counts} onToggle={toggle} />
      <TaskList key={batch.id} filter={filter} counts={counts} />
    </Stack>
  );
}

export default function BatchPage() {
  const { id } = route.useParams();
  useTopic(`batch:${id}`);
  const { data: batch, error, refetch } = useQuery(batchQuery(id));
  const standing = batch && standingOf(batch);
  if (batch && standing) return <BatchView batch={batch} standing={standing} />;
  if (error instanceof ApiError && error.status === 404)
    return <NotFound title="There is no such batch" hint="It may belong to someone else." />;
  if (error) return <PageProblem title="Batch" error={error} onRetry={() => void refetch()} />;
  return <Skeleton h={320} radius="md" role="img" aria-label="Loading the batch" />;
}
