import { Group, Progress, Text } from "@mantine/core";
import type { TaskBase } from "../api/types";
import { shownState } from "./states";
import classes from "./states.module.css";

/** Percent done, or null where the task has not said out of how much. */
export function percentOf(progress: TaskBase["progress"]): number | null {
  if (!progress || progress.done === null || !progress.total || progress.total <= 0) return null;
  return Math.min(100, Math.max(0, (progress.done / progress.total) * 100));
}

export function TaskProgress({ task, size = 6 }: { task: TaskBase; size?: number }) {
  const percent = task.state === "succeeded" && task.progress ? 100 : percentOf(task.progress);
  if (percent === null)
    return (
      <Text c="dimmed" size="sm" truncate>
        {task.progress?.stage || "—"}
      </Text>
    );
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
