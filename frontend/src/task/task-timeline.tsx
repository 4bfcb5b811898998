import { Text, Timeline } from "@mantine/core";
import type { TaskBase } from "../api/types";
import { LOOKS, shownState } from "../components/states";
import { duration, RunTime, TimeAgo, useNow } from "../components/time";

/** For the first attempt: a later one waits from when the one before ended, which is told with the attempts. */
function Waited({ task }: { task: TaskBase }) {
  const now = useNow();
  const isWaiting = task.state === "queued" || task.state === "scheduled";
  if (task.attempt > (isWaiting ? 0 : 1)) return null;
  const from = Math.max(Date.parse(task.created_at), task.run_at ? Date.parse(task.run_at) : 0);
  const until = task.started_at ? Date.parse(task.started_at) : Date.parse(task.finished_at ?? "") || now;
  return <>{until > from ? `, waited ${duration(until - from)}` : null}</>;
}

const Line = ({ children }: { children: React.ReactNode }) => (
  <Text size="sm" c="dimmed">
    {children}
  </Text>
);

/** Each step with its time and how long it took; a step not reached stays hollow. */
export function TaskTimeline({ task }: { task: TaskBase }) {
  const ended = task.finished_at !== null;
  const started = task.started_at !== null;
  const reached = ended ? 3 : started && task.state === "running" ? 2 : task.state === "scheduled" ? 0 : 1;
  const shown = shownState(task);
  const Icon = LOOKS[shown].icon;
  return (
    <Timeline active={reached} bulletSize={20} lineWidth={2}>
      <Timeline.Item title="Submitted">
        <Line>
          <TimeAgo at={task.created_at} />
          {task.owner && ` by ${task.owner}`}
        </Line>
      </Timeline.Item>
      <Timeline.Item title={task.state === "scheduled" ? LOOKS[shown].label : "Queued"}>
        <Line>
          {task.state === "scheduled" && task.run_at
            ? `due ${new Date(task.run_at).toLocaleString()}`
            : task.queue}
          <Waited task={task} />
        </Line>
      </Timeline.Item>
      <Timeline.Item title="Started">
        <Line>
          {task.started_at ? <TimeAgo at={task.started_at} /> : "not yet"}
          {task.worker && ` on ${task.worker}`}
        </Line>
      </Timeline.Item>
      <Timeline.Item title={ended ? LOOKS[shown].label : "Finished"} bullet={ended && <Icon size={12} />}>
        <Line>
          {task.finished_at ? <TimeAgo at={task.finished_at} /> : "not yet"}
          {started && task.state !== "queued" && task.state !== "scheduled" && (
            <>
              {ended ? ", ran " : ", running for "}
              <RunTime task={task} />
            </>
          )}
        </Line>
      </Timeline.Item>
    </Timeline>
  );
}
