import { Alert, Anchor, Paper, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { overviewQuery } from "../api/queries";
import type { Overview } from "../api/types";
import { DataTable, Headings } from "../components/data-table";
import { Problem } from "../components/problem";
import { TimeAgo } from "../components/time";
import { busyText, slotsText } from "../fleet/slots";
import { Tile } from "../fleet/tile";
import { Trends, USUAL_RANGE } from "../fleet/trends";

const route = getRouteApi("/overview");
const exact = Intl.NumberFormat("en");
const upTo = (count: number, cap: number) => (count >= cap ? `${exact.format(cap)}+` : exact.format(count));

function Tiles({ now }: { now: Overview }) {
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} spacing="sm">
      <Tile
        label="Workers online"
        value={exact.format(now.workers)}
        hint={slotsText(now)}
        link={(p) => <Link to="/workers" {...p} />}
      />
      <Tile
        label="Running"
        value={exact.format(now.running)}
        hint={busyText(now)}
        link={(p) => <Link to="/tasks" search={{ state: "running" }} {...p} />}
      />
      <Tile
        label="Waiting"
        value={upTo(now.waiting, now.cap)}
        hint={
          now.oldest_at ? (
            <>
              oldest <TimeAgo at={now.oldest_at} />
            </>
          ) : (
            "nothing waits"
          )
        }
        link={(p) => <Link to="/tasks" search={{ state: "queued" }} {...p} />}
      />
      <Tile
        label="Failed, last hour"
        value={upTo(now.failed_last_hour, now.failed_cap)}
        hint={now.failed_last_hour > 0 ? "see them" : "all well"}
        isBad={now.failed_last_hour > 0}
        link={(p) => <Link to="/tasks" search={{ state: "failed" }} {...p} />}
      />
    </SimpleGrid>
  );
}

function Stranded({ queues }: { queues: readonly string[] }) {
  if (queues.length === 0) return null;
  return (
    <Alert
      color="yellow"
      variant="outline"
      title="Tasks wait that no live worker serves"
      styles={{ title: { color: "var(--mantine-color-text)" } }}
    >
      <Text size="sm">
        {queues.length === 1 ? "Queue" : "Queues"}: {queues.join(", ")}.{" "}
        <Anchor size="sm" underline="always" renderRoot={(p) => <Link to="/queues" {...p} />}>
          See the queues
        </Anchor>
      </Text>
    </Alert>
  );
}

const Line = ({ children }: { children: ReactNode }) => (
  <Text size="sm" c="dimmed" px="md" pb="md">
    {children}
  </Text>
);

function Failures({ now }: { now: Overview }) {
  return (
    <Paper withBorder radius="md" component="section" aria-labelledby="failures">
      <Title order={2} size="h5" p="md" pb={8} id="failures">
        Failures of the last hour, by kind
      </Title>
      {now.failures.length === 0 ? (
        <Line>None.</Line>
      ) : (
        <DataTable
          label="Failures by kind"
          minWidth={480}
          head={
            <tr>
              <Headings titles={["Function", "Error", "Times", "Last"]} />
            </tr>
          }
        >
          {now.failures.map((group) => (
            <tr key={`${group.function} ${group.error_class} ${group.place}`}>
              <td>
                <Anchor
                  size="sm"
                  fw={600}
                  renderRoot={(p) => (
                    <Link to="/tasks" search={{ state: "failed", fn: group.function }} {...p} />
                  )}
                >
                  {group.function}
                </Anchor>
              </td>
              <td>
                {group.error_class}
                {group.place && (
                  <Text size="xs" c="dimmed" ff="monospace">
                    {group.place}
                  </Text>
                )}
              </td>
              <td>{exact.format(group.count)}</td>
              <td>
                <Anchor
                  size="sm"
                  renderRoot={(p) => <Link to="/tasks/$id" params={{ id: group.last_id }} {...p} />}
                >
                  <TimeAgo at={group.last_at} />
                </Anchor>
              </td>
            </tr>
          ))}
        </DataTable>
      )}
    </Paper>
  );
}

const kept = (days: number | null) =>
  days === null ? "for ever" : `for ${exact.format(days)} ${days === 1 ? "day" : "days"}`;

/** "Succeeded and cancelled tasks stay for 7 days, failed ones for 30 days." */
const retentionText = ({ succeeded_days: succeeded, failed_days: failed }: Overview["retention"]) =>
  succeeded === failed
    ? `Ended tasks stay ${kept(succeeded)}.`
    : `Succeeded and cancelled tasks stay ${kept(succeeded)}, failed ones ${kept(failed)}.`;

function Retention({ retention }: { retention: Overview["retention"] }) {
  return (
    <Text size="xs" c="dimmed">
      {retentionText(retention)}
      {retention.oldest_at && (
        <>
          {" "}
          The oldest task here was submitted <TimeAgo at={retention.oldest_at} />.
        </>
      )}
    </Text>
  );
}

export default function OverviewPage() {
  const { data: now, error, refetch } = useQuery(overviewQuery);
  const { range = USUAL_RANGE } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Stack gap="md">
      <title>{`${now && now.failed_last_hour > 0 ? `${now.failed_last_hour} failed · ` : ""}Overview · Taskdeck`}</title>
      <Title order={1} size="h3">
        Overview
      </Title>
      {error && <Problem error={error} onRetry={() => void refetch()} />}
      {!now && !error && <Skeleton h={120} radius="md" role="img" aria-label="Loading the overview" />}
      {now && (
        <>
          <Tiles now={now} />
          <Stranded queues={now.stranded} />
        </>
      )}
      <Trends
        range={range}
        onRange={(next) => void navigate({ search: { range: next }, replace: true, resetScroll: false })}
      />
      {now && <Failures now={now} />}
      {now && <Retention retention={now.retention} />}
    </Stack>
  );
}
