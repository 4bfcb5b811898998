import { Anchor, Badge, Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Worker } from "../api/types";
import { Sparkline } from "../components/sparkline";
import { RunTime, TimeAgo } from "../components/time";
import classes from "./fleet.module.css";
import { WorkerQuiet } from "./worker-quiet";
import { WorkerState } from "./worker-state";

const exact = Intl.NumberFormat("en");

/** By which way the node came by its tasks; null before the first one. */
function claimText({ claims_by_message: byMessage, claims_direct: direct }: Worker): string | null {
  if (byMessage + direct === 0) return null;
  return `${exact.format(byMessage)} by message, ${exact.format(direct)} from the table`;
}

/** What was out of order about the broker's messages; null when nothing was. */
export function messageText({ messages }: Worker): string | null {
  const { malformed, unknown, dropped, nacked, waiting } = messages;
  const found = [
    [malformed, "malformed"],
    [unknown, "of unknown functions"],
    [dropped, "dropped"],
    [nacked, "refused by the broker"],
    [waiting, "waiting for the broker"],
  ] as const;
  const text = found.filter(([count]) => count > 0).map(([count, word]) => `${exact.format(count)} ${word}`);
  return text.length > 0 ? `Messages: ${text.join(", ")}` : null;
}

interface SlotsProps {
  title: string;
  label: string;
  running: number;
  most: number;
}

function Slots({ title, label, running, most }: SlotsProps) {
  const busy = Math.min(running, most);
  return (
    <div>
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {title}
        </Text>
        <Text size="sm" className={classes.num}>
          {busy} of {most} busy
        </Text>
      </Group>
      <Progress.Root size={8}>
        <Progress.Section
          value={most > 0 ? (busy / most) * 100 : 0}
          aria-label={label}
          className={classes.bar}
        />
      </Progress.Root>
    </div>
  );
}

/** Who kept the event loop of async functions last; null when nobody has. */
export function blockedText({ blocked_by: by }: Worker): string | null {
  return by && `${by.function} blocked the event loop for ${by.seconds} s`;
}

function RunningTasks({ worker }: { worker: Worker }) {
  if (worker.running_tasks.length === 0)
    return (
      <Text size="sm" c="dimmed">
        Idle
      </Text>
    );
  return (
    <Stack gap={2} component="ul" className={classes.plain}>
      {worker.running_tasks.map((task) => (
        <Group key={task.id} component="li" justify="space-between" wrap="nowrap" gap="sm">
          <Anchor
            size="sm"
            truncate
            renderRoot={(p) => <Link to="/tasks/$id" params={{ id: task.id }} {...p} />}
          >
            {task.function}
          </Anchor>
          <Text size="sm" c="dimmed" className={classes.num}>
            <RunTime task={{ ...task, finished_at: null }} />
          </Text>
        </Group>
      ))}
    </Stack>
  );
}

const MINUTE_SECONDS = 60;

/** "the last 12 minutes", of so many points. */
const spanText = (points: number, everySeconds: number) => {
  const minutes = Math.round((points * everySeconds) / MINUTE_SECONDS);
  return minutes > 1 ? `the last ${minutes} minutes` : "the last minute";
};

interface CurveProps {
  title: string;
  values: readonly number[];
  everySeconds: number;
  write: (value: number) => string;
}

function Curve({ title, values, everySeconds, write }: CurveProps) {
  const now = write(values.at(-1) ?? 0);
  const range = `${write(Math.min(...values))} to ${write(Math.max(...values))}`;
  return (
    <Group gap={6} wrap="nowrap">
      <Text size="xs" c="dimmed" className={classes.num}>
        {title} {now}
      </Text>
      <Sparkline values={values} label={`${title}, ${spanText(values.length, everySeconds)}: ${range}`} />
    </Group>
  );
}

const memory = (mib: number) => (mib < 1024 ? `${mib} MiB` : `${(mib / 1024).toFixed(1)} GiB`);
const cores = (used: number) => `${used.toFixed(2)} ${used === 1 ? "core" : "cores"}`;

/** What the node's processes used lately. */
function Load({ worker: { load } }: { worker: Worker }) {
  if (!load) return null;
  return (
    <Group gap="md" justify="space-between">
      <Curve title="Memory" values={load.rss_mib} everySeconds={load.every_seconds} write={memory} />
      <Curve title="CPU" values={load.cpu_cores} everySeconds={load.every_seconds} write={cores} />
    </Group>
  );
}

export function WorkerCard({ worker }: { worker: Worker }) {
  const claims = claimText(worker);
  const messages = messageText(worker);
  return (
    <Paper withBorder radius="md" p="md" component="section" aria-label={`Worker ${worker.node}`}>
      <Stack gap="sm">
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <div>
            <Title order={2} size="h5">
              {worker.node}
            </Title>
            <Text size="sm" c="dimmed">
              {worker.host}, process {worker.pid}, version {worker.version}
            </Text>
          </div>
          <WorkerState worker={worker} />
        </Group>
        <Text size="xs" c="dimmed">
          Heard of <TimeAgo at={worker.heartbeat_at} />, started <TimeAgo at={worker.started_at} />
        </Text>
        <Group gap={6}>
          {worker.queues.map((queue) => (
            <Badge key={queue} variant="default" tt="none" fw={500}>
              {queue}
            </Badge>
          ))}
        </Group>
        <Slots
          title="Slots"
          label={`Busy slots of ${worker.node}`}
          running={worker.running - worker.running_async}
          most={worker.concurrency}
        />
        {worker.async_concurrency > 0 && (
          <Slots
            title="Async slots"
            label={`Busy async slots of ${worker.node}`}
            running={worker.running_async}
            most={worker.async_concurrency}
          />
        )}
        {worker.blocked_by && (
          <Text size="xs" className={classes.warn}>
            {blockedText(worker)}, <TimeAgo at={worker.blocked_by.at} />
          </Text>
        )}
        <Load worker={worker} />
        <RunningTasks worker={worker} />
        {messages && (
          <Text size="xs" c="dimmed">
            {messages}
          </Text>
        )}
        <Group justify="space-between" gap="sm">
          <Text size="xs" c="dimmed">
            {claims ?? "No task claimed yet"}
          </Text>
          <Group gap="sm">
            <Anchor
              size="xs"
              renderRoot={(p) => <Link to="/tasks" search={{ worker: worker.node }} {...p} />}
            >
              Its tasks
            </Anchor>
            <WorkerQuiet worker={worker} />
          </Group>
        </Group>
      </Stack>
    </Paper>
  );
}
