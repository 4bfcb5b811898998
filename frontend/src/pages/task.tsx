import { Code, Grid, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { ApiError } from "../api/client";
import { useTopic } from "../api/live";
import { taskQuery } from "../api/queries";
import type { TaskDetail } from "../api/types";
import { Copy } from "../components/copy";
import { NotFound } from "../components/not-found";
import { PageProblem } from "../components/problem";
import { taskTitle } from "../components/progress";
import { StateBadge } from "../components/states";
import { Facts } from "../task/facts";
import { Attempts, Failure } from "../task/failure";
import { JsonTree } from "../task/json-tree";
import { ResultView } from "../task/result-view";
import { Running } from "../task/running";
import { Section } from "../task/section";
import { StopSteps } from "../task/stop-steps";
import { TaskActions } from "../task/task-actions";
import { TaskLog } from "../task/task-log";
import { TaskTimeline } from "../task/task-timeline";
import { Waiting } from "../task/waiting";

const route = getRouteApi("/tasks/$id");

const WAITING: Partial<Record<TaskDetail["state"], string>> = {
  scheduled: "Not due yet.",
  queued: "Waiting for a worker; the result appears here by itself.",
  running: "Running; the result appears here by itself.",
  failed: "No result: the task failed.",
  cancelled: "No result: the task was cancelled.",
};

function Result({ task }: { task: TaskDetail }) {
  const waiting = WAITING[task.state];
  return waiting ? <Text c="dimmed">{waiting}</Text> : <ResultView task={task} />;
}

function Arguments({ task }: { task: TaskDetail }) {
  if (Object.keys(task.arguments).length === 0) return <Text c="dimmed">None.</Text>;
  return (
    <>
      <JsonTree value={task.arguments} />
      <Group mt="xs" className="no-print">
        <Copy text={JSON.stringify(task.arguments, null, 2)} name="the arguments">
          Copy
        </Copy>
      </Group>
    </>
  );
}

function Head({ task }: { task: TaskDetail }) {
  return (
    <Group justify="space-between" align="flex-start">
      <div>
        <Group gap="sm">
          <Title order={1} size="h3" style={{ overflowWrap: "anywhere" }}>
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
      <div className="no-print">
        <TaskActions task={task} />
      </div>
    </Group>
  );
}

function TaskView({ task }: { task: TaskDetail }) {
  return (
    <Stack gap="md">
      <title>{taskTitle(task)}</title>
      <Head task={task} />
      <Running task={task} />
      <StopSteps task={task} />
      <Failure task={task} />
      <Waiting task={task} />
      <Grid>
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack gap="md">
            <Section title="Result">
              <Result task={task} />
            </Section>
            <Section title="Arguments">
              <Arguments task={task} />
            </Section>
            {Object.keys(task.metadata).length > 0 && (
              <Section title="Metadata">
                <JsonTree value={task.metadata} />
              </Section>
            )}
            {task.attempt > 0 && (
              <div className="no-print">
                <Section title="Log">
                  <TaskLog task={task} />
                </Section>
              </div>
            )}
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
      <NotFound title="There is no such task" hint="It may have been removed, or belong to someone else." />
    );
  if (error) return <PageProblem title="Task" error={error} onRetry={() => void refetch()} />;
  return <Skeleton h={320} radius="md" role="img" aria-label="Loading the task" />;
}
