import { Grid, Group, Paper, SegmentedControl, Skeleton, Text, Title } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { sessionQuery, trendQuery } from "../api/queries";
import type { Trend, TrendRange } from "../api/types";
import { withoutFall } from "../components/chart-scale";
import { Problem } from "../components/problem";
import { duration } from "../components/time";
import { TimeChart } from "../components/time-chart";

export const RANGES: Record<TrendRange, string> = {
  "15m": "15 min",
  "1h": "1 h",
  "24h": "24 h",
  "7d": "7 days",
};
export const USUAL_RANGE: TrendRange = "1h";
const HEIGHT = 190;

const short = Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const count = (value: number) => short.format(value);
const seconds = (value: number) => duration(value * 1000);

function clock(at: string, range: TrendRange) {
  const moment = new Date(at);
  const time = moment.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return range === "7d" ? `${moment.toLocaleDateString("en", { weekday: "short" })} ${time}` : time;
}

const ended = ({ succeeded, failed }: Trend["points"][number]) => succeeded + failed;

const SPAN: Record<number, string> = { 60: "minute", 900: "15 minutes", 3600: "hour" };
const GREEN = "light-dark(#0b8f6f, #35b890)";
const RED = "light-dark(#cc4b1c, #e9764c)";
const GREY = "light-dark(#868e96, #8b939b)";
const BLUE = "light-dark(#2f7fd1, #5aa9f0)";
const AMBER = "light-dark(#9a5b00, #f0b429)";

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="md" radius="md" component="section" aria-label={title} h="100%">
      <Title order={3} size="h6" mb={8}>
        {title}
      </Title>
      {children}
    </Paper>
  );
}

function Charts({ trend }: { trend: Trend }) {
  const points = withoutFall(trend.points, ended);
  const times = points.map(({ at }) => clock(at, trend.range as TrendRange));
  const of = <Key extends keyof Trend["points"][number]>(key: Key) => points.map((point) => point[key]);
  const common = { times, height: HEIGHT };
  const throughput = `Ended, per ${SPAN[trend.span_seconds] ?? `${trend.span_seconds} s`}`;
  return (
    <Grid gap="sm">
      <Grid.Col span={{ base: 12, lg: 8 }}>
        <Card title={throughput}>
          <TimeChart
            {...common}
            label={throughput}
            isStacked
            isWhole
            format={count}
            series={[
              { label: "Succeeded", color: GREEN, values: of("succeeded") },
              { label: "Failed", color: RED, values: of("failed") },
              { label: "Cancelled", color: GREY, values: of("cancelled") },
              { label: "Failed and retried", color: AMBER, values: of("retried") },
            ]}
          />
        </Card>
      </Grid.Col>
      <Grid.Col span={{ base: 12, lg: 4 }}>
        <Card title="Waiting in the queues">
          <TimeChart
            {...common}
            label="Waiting in the queues"
            isStacked
            isWhole
            format={(value) => (value >= trend.depth_cap ? `${count(value)}+` : count(value))}
            series={[{ label: "Waiting", color: BLUE, values: of("depth") }]}
          />
        </Card>
      </Grid.Col>
      <Grid.Col span={{ base: 12, lg: 6 }}>
        <Card title="Wait, from submit to start">
          <Quantiles {...common} label="Wait" p50={of("wait_p50")} p95={of("wait_p95")} />
        </Card>
      </Grid.Col>
      <Grid.Col span={{ base: 12, lg: 6 }}>
        <Card title="Run time">
          <Quantiles {...common} label="Run time" p50={of("run_p50")} p95={of("run_p95")} />
        </Card>
      </Grid.Col>
    </Grid>
  );
}

interface QuantilesProps {
  label: string;
  times: string[];
  height: number;
  p50: (number | null)[];
  p95: (number | null)[];
}

function Quantiles({ p50, p95, ...chart }: QuantilesProps) {
  return (
    <TimeChart
      {...chart}
      format={seconds}
      series={[
        { label: "Half are below (p50)", color: BLUE, values: p50 },
        { label: "19 of 20 are below (p95)", color: AMBER, dash: "5 4", values: p95 },
      ]}
    />
  );
}

interface TrendsProps {
  range: TrendRange;
  onRange: (range: TrendRange) => void;
}

/** Charts over time. For those who may see everybody's tasks; the others' own are too few to chart. */
export function Trends({ range, onRange }: TrendsProps) {
  const isAllowed = useQuery(sessionQuery).data?.permissions.view_all ?? false;
  const {
    data: trend,
    error,
    refetch,
  } = useQuery({
    ...trendQuery(range),
    enabled: isAllowed,
    placeholderData: keepPreviousData,
  });
  if (!isAllowed) return null;
  const isQuiet = trend?.points.every((point) => !point.succeeded && !point.failed && !point.depth);
  return (
    <section aria-labelledby="trends">
      <Group justify="space-between" mb="sm">
        <Title order={2} size="h5" id="trends">
          Over time
        </Title>
        <SegmentedControl
          size="xs"
          aria-label="How far back"
          value={range}
          onChange={(value) => onRange(value as TrendRange)}
          data={Object.entries(RANGES).map(([value, label]) => ({ value, label }))}
        />
      </Group>
      {error && <Problem error={error} onRetry={() => void refetch()} />}
      {!trend && !error && <Skeleton h={HEIGHT} radius="md" role="img" aria-label="Loading the charts" />}
      {isQuiet && (
        <Text size="sm" c="dimmed" mb="sm">
          Nothing ended in this time.
        </Text>
      )}
      {trend && <Charts trend={trend} />}
    </section>
  );
}
