import { Group, Progress, Text } from "@mantine/core";
import type { TaskBase } from "../api/types";
import { LOOKS, shownState } from "./states";
import classes from "./states.module.css";

/** Percent done, or null where the task has not said out of how much. */
export function percentOf(progress: TaskBase["progress"]): number | null {
  if (!progress || progress.done === null || !progress.total || progress.total <= 0) return null;
  return Math.min(100, Math.max(0, (progress.done / progress.total) * 100));
}

/** What a tab in the background tells: "42% fibonacci", "Failed: fibonacci". */
export function taskTitle(task: TaskBase): string {
  const percent = task.state === "running" ? percentOf(task.progress) : null;
  const state = percent === null ? `${LOOKS[shownState(task)].label}:` : `${Math.floor(percent)}%`;
  return `${state} ${task.function} · Taskdeck`;
}

export function TaskProgress({ task, size = 6 }: { task: TaskBase; size?: number }) {
  const percent = task.state === "succeeded" && task.progress ? 100 : percentOf(task.progress);
  if (percent === null) return <div className={classes.stage}>{task.progress?.stage || "—"}</div>;
  return (
    <Group gap={8} wrap="nowrap">
      <Progress.Root size={size} flex={1}>
        <Progress.Section
          value={percent}
          aria-label={`Progress of ${task.function}`}
          className={classes.bar}
          data-state={shownState(task)}
        />
      </Progress.Root>
      <Text size="xs" className={classes.num} w={36} ta="right">
        {Math.floor(percent)}%
      </Text>
    </Group>
  );
}
