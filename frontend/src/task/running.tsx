import { Group, Text } from "@mantine/core";
import type { TaskDetail } from "../api/types";
import { TaskProgress } from "../components/progress";
import { duration } from "../components/time";

const exact = Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** Stage, how much of how much, and about how long it will take. */
export function Running({ task }: { task: TaskDetail }) {
  const { progress } = task;
  if (task.state !== "running" || !progress) return null;
  return (
    <div>
      <TaskProgress task={task} size={10} />
      {progress.total !== null && (
        <Group justify="space-between" gap="sm">
          <Text size="sm" c="dimmed">
            {progress.stage} {exact.format(progress.done ?? 0)} of {exact.format(progress.total)}
          </Text>
          {progress.rate !== null && (
            <Text size="sm" c="dimmed">
              {exact.format(progress.rate)} a second
              {progress.eta_seconds !== null && `, about ${duration(progress.eta_seconds * 1000)} left`}
            </Text>
          )}
        </Group>
      )}
    </div>
  );
}
