import { Group, Paper, Stack, Text } from "@mantine/core";
import { memo } from "react";
import { TaskProgress } from "../components/progress";
import { StateBadge } from "../components/states";
import { RunTime, TimeAgo } from "../components/time";
import { Name, Pick, Preview, type RowProps, type RowsProps } from "./task-cells";
import classes from "./task-table.module.css";
import { useSlots } from "./use-slots";

const Card = memo(function Card({ task, checked, onToggle }: RowProps) {
  return (
    <Paper component="li" withBorder radius="md" p="sm">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Group gap="sm" wrap="nowrap" miw={0}>
          <Pick task={task} checked={checked} onToggle={onToggle} />
          <Name task={task} />
        </Group>
        <StateBadge task={task} />
      </Group>
      <Preview task={task} />
      {task.state === "running" && task.progress && <TaskProgress task={task} />}
      <Text size="xs" c="dimmed" className={classes.num}>
        <TimeAgo at={task.created_at} /> · <RunTime task={task} />
      </Text>
    </Paper>
  );
});

/** The list on a phone. */
export const TaskCards = memo(function TaskCards({ tasks, busy, selected, onToggle }: RowsProps) {
  const slots = useSlots(tasks);
  return (
    <Stack gap="xs" component="ul" className={classes.cards} aria-busy={busy}>
      {tasks.map((task, index) => (
        <Card key={slots[index]} task={task} checked={selected.has(task.id)} onToggle={onToggle} />
      ))}
    </Stack>
  );
});
