import { Anchor, Badge, Button, Group, Paper, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { functionsQuery, sessionQuery } from "../api/queries";
import type { TaskFunction, Total } from "../api/types";
import { Empty } from "../components/empty";
import { Problem } from "../components/problem";
import { Sparkline } from "../components/sparkline";
import { duration } from "../components/time";
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

interface CardProps {
  fn: TaskFunction;
  maySubmit: boolean;
  /** Undefined where figures are not for this visitor. */
  totals: ReadonlyMap<string, Total> | undefined;
}

function Card({ fn, maySubmit, totals }: CardProps) {
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
        {totals && <LastHour name={fn.name} total={totals.get(fn.name)} />}
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
  const maySubmit = useQuery(sessionQuery).data?.permissions.submit ?? false;
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
            <Card key={fn.name} fn={fn} maySubmit={maySubmit} totals={totals} />
          ))}
        </SimpleGrid>
      )}
    </Stack>
  );
}
