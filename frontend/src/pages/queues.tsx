import { Anchor, Paper, Skeleton, Stack, Title } from "@mantine/core";
import { IconAlertTriangleFilled, IconPlayerPauseFilled } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { queuesQuery } from "../api/queries";
import type { Queue, Total } from "../api/types";
import { DataTable, Headings } from "../components/data-table";
import { Empty } from "../components/empty";
import { Problem } from "../components/problem";
import { Sparkline } from "../components/sparkline";
import { duration, TimeAgo, TimeUntil } from "../components/time";
import classes from "../fleet/fleet.module.css";
import { QueuePause } from "../fleet/queue-pause";
import { busyText, slotsText } from "../fleet/slots";
import { curveOf, endedOf, useTotals } from "../fleet/totals";

const exact = Intl.NumberFormat("en");

/** Tasks wait, and nobody will take them. */
const isStranded = ({ depth, workers }: Pick<Queue, "depth" | "workers">) => depth > 0 && workers === 0;

const depthText = ({ depth, cap }: Queue) => (depth >= cap ? `${exact.format(cap)}+` : exact.format(depth));

/** How much of what serves the queue is busy with it. */
const utilisation = (queue: Queue) => (queue.running > 0 && queue.workers > 0 ? ` (${busyText(queue)})` : "");

function Paused({ paused }: { paused: NonNullable<Queue["paused"]> }) {
  return (
    <span className={classes.warn}>
      <IconPlayerPauseFilled size={13} aria-hidden /> Paused <TimeAgo at={paused.at} />
      {paused.by && ` by ${paused.by}`}
      {paused.reason && `: ${paused.reason}`}
      {paused.until && (
        <>
          {" "}
          (runs again <TimeUntil at={paused.until} />)
        </>
      )}
    </span>
  );
}

/** Below the name, where a phone shows it too. */
function Trouble({ queue }: { queue: Queue }) {
  if (queue.paused) return <Paused paused={queue.paused} />;
  if (isStranded(queue))
    return (
      <span className={classes.warn}>
        <IconAlertTriangleFilled size={13} aria-hidden /> Backlog and no worker
      </span>
    );
  return null;
}

function Serving({ queue }: { queue: Queue }) {
  if (queue.workers === 0) return <>nobody</>;
  return (
    <>
      {queue.workers} {queue.workers === 1 ? "worker" : "workers"}, {slotsText(queue)}
    </>
  );
}

/** What ended in the last hour, and how long the middle one had waited to be started. */
function Rate({ total }: { total: Total | undefined }) {
  if (!total || endedOf(total) === 0) return <>—</>;
  return (
    <>
      {exact.format(endedOf(total))}
      {total.wait_p50 !== null && `, half within ${duration(total.wait_p50 * 1000)}`}{" "}
      <Sparkline values={curveOf(total)} label="by minute" />
    </>
  );
}

interface RowProps {
  queue: Queue;
  /** Undefined where figures are not for this visitor. */
  totals: ReadonlyMap<string, Total> | undefined;
}

function Row({ queue, totals }: RowProps) {
  return (
    <tr>
      <td>
        <Anchor
          size="sm"
          fw={600}
          renderRoot={(p) => <Link to="/tasks" search={{ queue: queue.name }} {...p} />}
        >
          {queue.name}
        </Anchor>
        <div>
          <Trouble queue={queue} />
        </div>
      </td>
      <td className={classes.num} data-title="Waiting">
        {depthText(queue)}
      </td>
      <td className={classes.num} data-title="Oldest submitted">
        {queue.oldest_at ? <TimeAgo at={queue.oldest_at} /> : "—"}
      </td>
      <td className={classes.num} data-title="Running">
        <span>
          {exact.format(queue.running)}
          {utilisation(queue)}
        </span>
      </td>
      <td data-title="Served by">
        <span>
          <Serving queue={queue} />
        </span>
      </td>
      {totals && (
        <td className={classes.num} data-title="Ended, last hour">
          <span>
            <Rate total={totals.get(queue.name)} />
          </span>
        </td>
      )}
      <td className={classes.act}>
        <QueuePause queue={queue} />
      </td>
    </tr>
  );
}

export default function QueuesPage() {
  const { data: queues, error, refetch } = useQuery(queuesQuery);
  const totals = useTotals("queue");
  const titles = ["Queue", "Waiting", "Oldest submitted", "Running", "Served by"];
  const waiting = queues?.reduce((sum, { depth }) => sum + depth, 0) ?? 0;
  return (
    <Stack gap="md">
      <title>{`${waiting > 0 ? `${waiting} waiting · ` : ""}Queues · Taskdeck`}</title>
      <Title order={1} size="h3">
        Queues
      </Title>
      {error && <Problem error={error} onRetry={() => void refetch()} />}
      {!queues && !error && <Skeleton h={160} radius="md" role="img" aria-label="Loading queues" />}
      {queues?.length === 0 && (
        <Empty
          title="No queues yet"
          hint="A queue appears with the first function, worker or task that names it."
        />
      )}
      {queues && queues.length > 0 && (
        <Paper withBorder radius="md" style={{ overflow: "hidden" }}>
          <DataTable
            label="Queues"
            cards
            minWidth={totals ? 860 : 680}
            head={
              <tr>
                <Headings titles={totals ? [...titles, "Ended, last hour"] : titles} />
                <td />
              </tr>
            }
          >
            {queues.map((queue) => (
              <Row key={queue.name} queue={queue} totals={totals} />
            ))}
          </DataTable>
        </Paper>
      )}
    </Stack>
  );
}
