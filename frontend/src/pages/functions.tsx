import { Anchor, Badge, Button, Group, Paper, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { functionsQuery, recentQuery, sessionQuery } from "../api/queries";
import type { RecentTask, TaskFunction, Total } from "../api/types";
import { Empty } from "../components/empty";
import { Problem } from "../components/problem";
import { Sparkline } from "../components/sparkline";
import { StateBadge } from "../components/states";
import { duration, RunTime, TimeAgo } from "../components/time";
import classes from "../fleet/fleet.module.css";
import { curveOf, endedOf, useTotals } from "../fleet/totals";

const exact = Intl.NumberFormat("en");

function LastHour({ name, total }: { name: string; total: Total | undefined }) {
  if (!total || endedOf(total) + total.retried === 0)
    return (
      <Text size="xs" c="dimmed">
        Nothing ended in the last hour
      </Text>
    );
  const ended = endedOf(total);
  return (
    <Group gap="sm" justify="space-between" wrap="nowrap">
      <Text size="xs" c="dimmed">
        {exact.format(ended)} ended in the last hour
        {total.failed > 0 && (
          <>
            ,{" "}
            <Anchor
              size="xs"
              c="var(--mantine-color-error)"
              underline="always"
              renderRoot={(p) => <Link to="/tasks" search={{ fn: name, state: "failed" }} {...p} />}
            >
              {exact.format(total.failed)} failed
            </Anchor>
          </>
        )}
        {total.run_p50 !== null && <>; half ran below {duration(total.run_p50 * 1000)}</>}
      </Text>
      <Sparkline values={curveOf(total)} label={`${ended} ended in the last hour, by minute`} />
    </Group>
  );
}

/** The function's newest tasks, the newest first: state, how long it ran, and the way to it. */
function RecentTasks({ title, tasks }: { title: string; tasks: readonly RecentTask[] }) {
  return (
    <Group
      component="ul"
      gap={6}
      m={0}
      p={0}
      aria-label={`Recent tasks of ${title}`}
      className={classes.plain}
    >
      {tasks.map((task) => (
        <li key={task.id}>
          <Link to="/tasks/$id" params={{ id: task.id }} className={classes.recent}>
            <StateBadge task={task} />
            <span className={classes.num}>
              {task.started_at ? <RunTime task={task} /> : <TimeAgo at={task.created_at} />}
            </span>
          </Link>
        </li>
      ))}
    </Group>
  );
}

interface CardProps {
  fn: TaskFunction;
  maySubmit: boolean;
  /** Undefined where figures are not for this visitor. */
  totals: ReadonlyMap<string, Total> | undefined;
  recent: readonly RecentTask[];
}

function Card({ fn, maySubmit, totals, recent }: CardProps) {
  // counted some seconds after the task: until then it stands here by itself
  const total = totals?.get(fn.name);
  return (
    <Paper withBorder radius="md" p="md" component="li">
      <Stack gap={8} h="100%">
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <Title order={2} size="h5" style={{ overflowWrap: "anywhere" }}>
            {fn.title}
          </Title>
          <Badge variant="default" tt="none" fw={500}>
            {fn.queue}
          </Badge>
        </Group>
        <Text size="xs" c="dimmed" ff="monospace" style={{ overflowWrap: "anywhere" }}>
          {fn.path}
        </Text>
        <Text size="sm" style={{ flexGrow: 1 }}>
          {fn.description.split("\n\n")[0]}
          {!fn.is_typed && " Its arguments have no declared types."}
        </Text>
        {totals && (total || recent.length === 0) && <LastHour name={fn.name} total={total} />}
        {recent.length > 0 && <RecentTasks title={fn.title} tasks={recent} />}
        <Group gap="xs">
          {maySubmit && (
            <Button
              size="compact-sm"
              leftSection={<IconPlayerPlay size={14} />}
              aria-label={`Run ${fn.title}`}
              renderRoot={(p) => <Link to="/new" search={{ name: fn.name }} {...p} />}
            >
              Run
            </Button>
          )}
          <Button
            size="compact-sm"
            variant="default"
            aria-label={`Tasks of ${fn.title}`}
            renderRoot={(p) => <Link to="/tasks" search={{ fn: fn.name }} {...p} />}
          >
            Tasks
          </Button>
        </Group>
      </Stack>
    </Paper>
  );
}

export default function FunctionsPage() {
  const { data: functions, error, refetch } = useQuery(functionsQuery);
  const permissions = useQuery(sessionQuery).data?.permissions;
  const recent = useQuery({ ...recentQuery, enabled: permissions?.view ?? false }).data;
  const totals = useTotals("function");
  return (
    <Stack gap="md">
      <title>Functions · Taskdeck</title>
      <Title order={1} size="h3">
        Functions
      </Title>
      {error && <Problem error={error} onRetry={() => void refetch()} />}
      {!functions && !error && <Skeleton h={160} radius="md" role="img" aria-label="Loading functions" />}
      {functions?.length === 0 && (
        <Empty
          title="No task functions yet"
          hint="Write a function with @task in the tasks.py of an installed app, and restart."
        />
      )}
      {functions && functions.length > 0 && (
        <SimpleGrid
          component="ul"
          cols={{ base: 1, md: 2, xl: 3 }}
          spacing="sm"
          m={0}
          p={0}
          style={{ listStyle: "none" }}
        >
          {functions.map((fn) => (
            <Card
              key={fn.name}
              fn={fn}
              maySubmit={permissions?.submit ?? false}
              totals={totals}
              recent={recent?.find(({ name }) => name === fn.name)?.tasks ?? []}
            />
          ))}
        </SimpleGrid>
      )}
    </Stack>
  );
}
