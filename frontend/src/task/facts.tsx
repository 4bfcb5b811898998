import { Anchor, Group, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { TaskDetail } from "../api/types";

const BatchLink = ({ id }: { id: string }) => (
  <Anchor size="sm" renderRoot={(p) => <Link to="/batches/$id" params={{ id }} {...p} />}>
    batch …{id.slice(-6)}
  </Anchor>
);

export function Facts({ task }: { task: TaskDetail }) {
  const facts: [string, ReactNode][] = [
    [
      "Queue",
      <Anchor
        key="queue"
        size="sm"
        renderRoot={(p) => <Link to="/tasks" search={{ queue: task.queue }} {...p} />}
      >
        {task.queue}
      </Anchor>,
    ],
    ["Priority", String(task.priority)],
    ["Attempt", `${Math.min(task.failures + 1, task.max_attempts)} of ${task.max_attempts}`],
    ["Worker", task.worker ?? "—"],
    ["Owner", task.owner ?? "—"],
    ["Function", task.path],
  ];
  if (task.batch) facts.push(["Batch", <BatchLink key="batch" id={task.batch} />]);
  if (task.then_of) facts.push(["Runs after", <BatchLink key="after" id={task.then_of} />]);
  if (task.losses > 0) facts.push(["Workers lost", String(task.losses)]);
  return (
    <Stack component="dl" gap={4} m={0}>
      {facts.map(([name, value]) => (
        <Group key={name} gap="xs" justify="space-between" align="baseline" wrap="nowrap">
          <Text component="dt" size="sm" c="dimmed">
            {name}
          </Text>
          <Text component="dd" size="sm" m={0} ta="right" style={{ overflowWrap: "anywhere" }}>
            {value}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}
