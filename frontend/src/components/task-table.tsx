import { Anchor, Code, Group, Paper, Stack, Table, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { TaskRow } from "../api/types";
import { TaskProgress } from "./progress";
import { StateBadge } from "./states";
import classes from "./task-table.module.css";
import { RunTime, TimeAgo } from "./time";

function Name({ task }: { task: TaskRow }) {
  return (
    <Anchor
      renderRoot={(p) => <Link to="/tasks/$id" params={{ id: task.id }} {...p} />}
      fw={600}
      size="sm"
      className={classes.name}
    >
      {task.function}
    </Anchor>
  );
}

function Preview({ task }: { task: TaskRow }) {
  const error = task.state === "cancelled" ? null : task.error;
  return (
    <div className={classes.args} title={error ?? task.arguments_preview}>
      {error ? <span className={classes.error}>{error}</span> : task.arguments_preview}
    </div>
  );
}

export function TableRow({ task }: { task: TaskRow }) {
  return (
    <Table.Tr>
      <Table.Td w={128} miw={128}>
        <StateBadge task={task} />
      </Table.Td>
      <Table.Td>
        <Name task={task} />
        <Preview task={task} />
      </Table.Td>
      <Table.Td w={110}>
        <Code>{task.queue}</Code>
      </Table.Td>
      <Table.Td w={150}>
        <TaskProgress task={task} />
      </Table.Td>
      <Table.Td w={70} className={classes.num}>
        {Math.min(task.failures + 1, task.max_attempts)}/{task.max_attempts}
      </Table.Td>
      <Table.Td w={110} className={classes.num}>
        <TimeAgo at={task.created_at} />
      </Table.Td>
      <Table.Td w={90} className={classes.num}>
        <RunTime task={task} />
      </Table.Td>
    </Table.Tr>
  );
}

export function TaskTable({ tasks, busy }: { tasks: TaskRow[]; busy: boolean }) {
  return (
    <Table.ScrollContainer
      minWidth={820}
      scrollAreaProps={
        { viewportProps: { tabIndex: 0, role: "region", "aria-label": "Tasks table" } } as never
      }
    >
      <Table highlightOnHover verticalSpacing={7} className={classes.table} aria-busy={busy}>
        <Table.Thead>
          <Table.Tr>
            {["State", "Task", "Queue", "Progress", "Attempt", "Submitted", "Duration"].map((title) => (
              <Table.Th key={title}>{title}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {tasks.map((task) => (
            <TableRow key={task.id} task={task} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

export function TaskCards({ tasks, busy }: { tasks: TaskRow[]; busy: boolean }) {
  return (
    <Stack gap="xs" component="ul" className={classes.cards} aria-busy={busy}>
      {tasks.map((task) => (
        <Paper key={task.id} component="li" withBorder radius="md" p="sm">
          <Group justify="space-between" wrap="nowrap" align="flex-start">
            <Name task={task} />
            <StateBadge task={task} />
          </Group>
          <Preview task={task} />
          {task.state === "running" && task.progress && <TaskProgress task={task} />}
          <Text size="xs" c="dimmed" className={classes.num}>
            <TimeAgo at={task.created_at} /> · <RunTime task={task} />
          </Text>
        </Paper>
      ))}
    </Stack>
  );
}
