import { Alert, Code, Grid, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { useTopic } from "../api/live";
import { taskQuery } from "../api/queries";
import type { Attempt, TaskDetail } from "../api/types";
import { Copy } from "../components/copy";
import { Empty } from "../components/empty";
import { Problem } from "../components/problem";
import { TaskProgress, taskTitle } from "../components/progress";
import { Json, ResultView } from "../components/result-view";
import { StateBadge } from "../components/states";
import { TaskActions } from "../components/task-actions";
import { TaskTimeline } from "../components/task-timeline";
import { TimeAgo } from "../components/time";

const route = getRouteApi("/tasks/$id");

const Section = ({ title, children }: { title: string; children: ReactNode }) => (
  <Paper withBorder p="md" radius="md" component="section">
    <Title order={2} size="h5" mb="sm">
      {title}
    </Title>
    {children}
  </Paper>
);

const Traceback = ({ text }: { text: string }) => (
  <Code block tabIndex={0} style={{ maxHeight: 420, overflow: "auto" }}>
    {text}
  </Code>
);

function Attempts({ attempts }: { attempts: Attempt[] }) {
  return (
    <Stack gap="sm">
      {attempts.toReversed().map((attempt) => (
        <details key={attempt.attempt}>
          <summary>
            <Text span size="sm" fw={600}>
              Attempt {attempt.attempt}: {attempt.kind === "loss" ? "worker lost" : attempt.error_class}
            </Text>{" "}
            <Text span size="sm" c="dimmed">
              {attempt.message} {attempt.worker && `on ${attempt.worker}`}{" "}
              {attempt.finished_at && <TimeAgo at={attempt.finished_at} />}
            </Text>
          </summary>
          {attempt.traceback && <Traceback text={attempt.traceback} />}
        </details>
      ))}
    </Stack>
  );
}

const WAITING: Partial<Record<TaskDetail["state"], string>> = {
  scheduled: "Not due yet.",
  queued: "Waiting for a worker.",
  running: "Running; the result appears here by itself.",
  failed: "No result: the task failed.",
  cancelled: "No result: the task was cancelled.",
};

function Result({ task }: { task: TaskDetail }) {
  const waiting = WAITING[task.state];
  return waiting ? <Text c="dimmed">{waiting}</Text> : <ResultView task={task} />;
}

function Failure({ task }: { task: TaskDetail }) {
  if (!task.error || task.state === "succeeded" || task.state === "cancelled") return null;
  return (
    <Alert
      color="red"
      variant="outline"
      role="alert"
      title={task.error}
      styles={{ title: { color: "var(--mantine-color-error)", overflowWrap: "anywhere" } }}
    >
      {task.traceback && <Traceback text={task.traceback} />}
    </Alert>
  );
}

function Facts({ task }: { task: TaskDetail }) {
  const facts: [string, string][] = [
    ["Queue", task.queue],
    ["Priority", String(task.priority)],
    ["Attempt", `${Math.min(task.failures + 1, task.max_attempts)} of ${task.max_attempts}`],
    ["Worker", task.worker ?? "—"],
    ["Function", task.path],
  ];
  if (task.losses > 0) facts.push(["Workers lost", String(task.losses)]);
  return (
    <Stack component="dl" gap={4} m={0}>
      {facts.map(([name, value]) => (
        <Group key={name} gap="xs" justify="space-between" align="baseline" wrap="nowrap">
          <Text component="dt" size="sm" c="dimmed">
            {name}
          </Text>
          <Text component="dd" size="sm" m={0} ta="right" style={{ overflowWrap: "anywhere" }}>
            {value}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}

function Head({ task }: { task: TaskDetail }) {
  return (
    <Group justify="space-between" align="flex-start">
      <div>
        <Group gap="sm">
          <Title order={1} size="h3">
            {task.function}
          </Title>
          <span role="status">
            <StateBadge task={task} />
          </span>
        </Group>
        <Copy text={task.id} name={`the id ${task.id}`}>
          <Code>{task.id}</Code>
        </Copy>
      </div>
      <TaskActions task={task} />
    </Group>
  );
}

export function TaskView({ task }: { task: TaskDetail }) {
  return (
    <Stack gap="md">
      <title>{taskTitle(task)}</title>
      <Head task={task} />
      {task.state === "running" && task.progress && (
        <div>
          <TaskProgress task={task} size={10} />
          {task.progress.total !== null && (
            <Text size="sm" c="dimmed">
              {task.progress.stage}
            </Text>
          )}
        </div>
      )}
      <Failure task={task} />
      <Grid>
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack gap="md">
            <Section title="Result">
              <Result task={task} />
            </Section>
            <Section title="Arguments">
              <Json value={task.arguments} />
            </Section>
            {task.attempts.length > 0 && (
              <Section title="Attempts that failed">
                <Attempts attempts={task.attempts} />
              </Section>
            )}
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Stack gap="md">
            <Section title="Timeline">
              <TaskTimeline task={task} />
            </Section>
            <Section title="Details">
              <Facts task={task} />
            </Section>
          </Stack>
        </Grid.Col>
      </Grid>
    </Stack>
  );
}

export default function TaskPage() {
  const { id } = route.useParams();
  useTopic(`task:${id}`);
  const { data: task, error, refetch } = useQuery(taskQuery(id));
  if (task) return <TaskView task={task} />;
  if (error instanceof ApiError && error.status === 404)
    return (
      <Empty title="There is no such task" hint="It may have been removed, or belong to someone else." />
    );
  if (error) return <Problem error={error} onRetry={() => void refetch()} />;
  return <Skeleton h={320} radius="md" role="img" aria-label="Loading the task" />;
}
