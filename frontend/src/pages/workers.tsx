import { Paper, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { workersQuery } from "../api/queries";
import type { Worker } from "../api/types";
import { CodeBlock } from "../components/copy";
import { DataTable, Headings } from "../components/data-table";
import { Empty } from "../components/empty";
import { Problem } from "../components/problem";
import { TimeAgo } from "../components/time";
import { slotsText } from "../fleet/slots";
import { WorkerCard } from "../fleet/worker-card";
import { WorkerState } from "../fleet/worker-state";

const START = "manage.py runworker";

function Ended({ workers }: { workers: readonly Worker[] }) {
  if (workers.length === 0) return null;
  return (
    <Paper withBorder radius="md">
      <Title order={2} size="h5" p="md" pb={4}>
        Ended
      </Title>
      <DataTable
        label="Workers that ended"
        minWidth={560}
        head={
          <tr>
            <Headings titles={["Worker", "Host", "State", "Started", "Ended"]} />
          </tr>
        }
      >
        {workers.map((worker) => (
          <tr key={worker.id}>
            <td>{worker.node}</td>
            <td>{worker.host}</td>
            <td>
              <WorkerState worker={worker} />
            </td>
            <td>
              <TimeAgo at={worker.started_at} />
            </td>
            <td>{worker.stopped_at && <TimeAgo at={worker.stopped_at} />}</td>
          </tr>
        ))}
      </DataTable>
    </Paper>
  );
}

function Nobody() {
  return (
    <Empty title="No workers online" hint="Tasks wait until one is started:">
      <CodeBlock text={START} name="the command" />
    </Empty>
  );
}

export default function WorkersPage() {
  const { data: workers, error, refetch } = useQuery(workersQuery);
  const alive = workers?.filter(({ state }) => state === "alive") ?? [];
  const slots = {
    slots: alive.reduce((sum, { concurrency }) => sum + concurrency, 0),
    async_slots: alive.reduce((sum, { async_concurrency }) => sum + async_concurrency, 0),
  };
  return (
    <Stack gap="md">
      <title>{`${alive.length} ${alive.length === 1 ? "worker" : "workers"} · Taskdeck`}</title>
      <div>
        <Title order={1} size="h3">
          Workers
        </Title>
        {alive.length > 0 && (
          <Text size="sm" c="dimmed">
            {alive.length} online with {slotsText(slots)}
          </Text>
        )}
      </div>
      {error && <Problem error={error} onRetry={() => void refetch()} />}
      {!workers && !error && <Skeleton h={220} radius="md" role="img" aria-label="Loading workers" />}
      {workers && alive.length === 0 && <Nobody />}
      <SimpleGrid cols={{ base: 1, md: 2, xl: 3 }}>
        {alive.map((worker) => (
          <WorkerCard key={worker.id} worker={worker} />
        ))}
      </SimpleGrid>
      <Ended workers={workers?.filter(({ state }) => state !== "alive") ?? []} />
    </Stack>
  );
}
