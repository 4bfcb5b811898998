import { Group, Text } from "@mantine/core";
import type { TaskDetail } from "../api/types";
import { percentOf, TaskProgress } from "../components/progress";
import { duration } from "../components/time";

const whole = Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const exact = Intl.NumberFormat("en", { maximumFractionDigits: 1 });

type Progress = NonNullable<TaskDetail["progress"]>;

/** "Crunching 40 of 100", or how much without a whole. */
export function howFar({ stage, done, total }: Pick<Progress, "stage" | "done" | "total">): string {
  const amount = done === null ? "" : exact.format(done);
  const outOf = total === null ? "" : ` of ${exact.format(total)}`;
  return [stage, `${amount}${outOf}`].filter((part) => part !== "").join(" ");
}

/** "25 a second, about 2.4 s left". */
export function howFast({ rate, eta_seconds: left }: Pick<Progress, "rate" | "eta_seconds">): string {
  if (rate === null) return "";
  return `${rate < 100 ? exact.format(rate) : whole.format(rate)} a second${left === null ? "" : `, about ${duration(left * 1000)} left`}`;
}

/** Stage, how much of how much, and about how long it will take. */
export function Running({ task }: { task: TaskDetail }) {
  const { progress } = task;
  if (task.state !== "running" || !progress) return null;
  return (
    <div>
      {percentOf(progress) !== null && <TaskProgress task={task} size={10} />}
      <Group justify="space-between" gap="sm">
        <Text size="sm" c="dimmed">
          {howFar(progress)}
        </Text>
        <Text size="sm" c="dimmed">
          {howFast(progress)}
        </Text>
      </Group>
    </div>
  );
}
