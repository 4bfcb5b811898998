import { Alert, List, Text } from "@mantine/core";
import type { StopStep, TaskDetail } from "../api/types";
import { TimeAgo } from "../components/time";

const WORDS: Record<StopStep["step"], Record<StopStep["reason"], string>> = {
  requested: { cancel: "Somebody asked it to stop", timeout: "Its time was up" },
  interrupted: {
    cancel: "It was interrupted and may clean up",
    timeout: "It was interrupted and may clean up",
  },
  killed: {
    cancel: "It did not stop; its process was ended",
    timeout: "It did not stop; its process was ended",
  },
};

/** The way on which a running task is made to end. */
export function StopSteps({ task }: { task: TaskDetail }) {
  if (task.steps.length === 0 || task.state === "succeeded") return null;
  const running = task.state === "running";
  return (
    <Alert
      color="gray"
      variant="outline"
      title={running ? "Stopping" : "How it was stopped"}
      styles={{ title: { color: "var(--mantine-color-text)" } }}
    >
      <List type="ordered" size="sm" spacing={2}>
        {task.steps.map((step) => (
          <List.Item key={step.step}>
            {WORDS[step.step][step.reason]},{" "}
            <Text span size="sm" c="dimmed">
              <TimeAgo at={step.at} />
            </Text>
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}
