import { Anchor, Button, Center, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { batchesQuery } from "../api/queries";
import type { Batch } from "../api/types";
import { BatchBar, StandingBadge } from "../batch/batch-bar";
import { standingOf } from "../batch/standing";
import { DataTable, Headings } from "../components/data-table";
import { Empty } from "../components/empty";
import { Problem } from "../components/problem";
import { TimeAgo } from "../components/time";

const exact = Intl.NumberFormat("en");

function Row({ batch }: { batch: Batch }) {
  const standing = standingOf(batch);
  return (
    <tr>
      <td>
        <Anchor
          size="sm"
          fw={600}
          renderRoot={(p) => <Link to="/batches/$id" params={{ id: batch.id }} {...p} />}
        >
          {batch.functions.join(", ") || "Batch"} <span className="sr-only">{batch.id.slice(-6)}</span>
        </Anchor>
      </td>
      <td data-title="State">{standing && <StandingBadge standing={standing} />}</td>
      <td style={{ width: "40%" }}>
        {standing && batch.counts ? (
          <BatchBar counts={batch.counts} standing={standing} size={6} />
        ) : (
          <Text size="sm" c="dimmed">
            {exact.format(batch.size)} tasks
          </Text>
        )}
      </td>
      <td data-title="Then">
        {batch.then_task ? (
          <Anchor
            size="sm"
            renderRoot={(p) => <Link to="/tasks/$id" params={{ id: batch.then_task?.id ?? "" }} {...p} />}
          >
            {batch.then_task.function}
          </Anchor>
        ) : (
          "—"
        )}
      </td>
      <td data-title="Submitted">
        <TimeAgo at={batch.created_at} />
      </td>
    </tr>
  );
}

export default function BatchesPage() {
  const list = useInfiniteQuery(batchesQuery);
  const batches = list.data?.pages.flatMap((page) => page.results);
  return (
    <Stack gap="md">
      <title>Batches · Taskdeck</title>
      <Title order={1} size="h3">
        Batches
      </Title>
      {list.error && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton h={160} radius="md" role="img" aria-label="Loading batches" />}
      {batches?.length === 0 && (
        <Empty
          title="No batches yet"
          hint="Tasks that are submitted together, by POST /api/tasks/bulk/ or enqueue_many(), appear here as one."
        />
      )}
      {batches && batches.length > 0 && (
        <Paper withBorder radius="md" style={{ overflow: "hidden" }}>
          <DataTable
            label="Batches"
            cards
            minWidth={720}
            busy={list.isFetching}
            head={
              <tr>
                <Headings titles={["Functions", "State", "Ended", "Then", "Submitted"]} />
              </tr>
            }
          >
            {batches.map((batch) => (
              <Row key={batch.id} batch={batch} />
            ))}
          </DataTable>
        </Paper>
      )}
      {list.hasNextPage && (
        <Center>
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
    </Stack>
  );
}
