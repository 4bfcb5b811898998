import { Alert, Stack, Text } from "@mantine/core";
import type { Attempt, TaskDetail } from "../api/types";
import { CodeBlock } from "../components/copy";
import { TimeAgo } from "../components/time";

/** The error comes first: it is what a failed task is opened for. */
export function Failure({ task }: { task: TaskDetail }) {
  if (!task.error || task.state === "succeeded" || task.state === "cancelled") return null;
  return (
    <Alert
      color="red"
      variant="outline"
      role="alert"
      title={task.error}
      styles={{
        title: { color: "var(--mantine-color-error)", overflowWrap: "anywhere" },
        body: { minWidth: 0 },
      }}
    >
      {task.traceback && <CodeBlock text={task.traceback} name="the traceback" maxHeight={420} />}
    </Alert>
  );
}

const kindOf = ({ kind, error_class: errorClass }: Attempt) => (kind === "loss" ? "worker lost" : errorClass);

/** The server tells of no more. */
const MOST_ATTEMPTS = 100;

/** Attempts that ended badly, the last one first. */
export function Attempts({ attempts }: { attempts: Attempt[] }) {
  return (
    <Stack gap="sm">
      {attempts.toReversed().map((attempt) => (
        <details key={attempt.attempt}>
          <summary style={{ overflowWrap: "anywhere" }}>
            <Text span size="sm" fw={600}>
              Attempt {attempt.attempt}: {kindOf(attempt)}
            </Text>{" "}
            <Text span size="sm" c="dimmed">
              {attempt.message} {attempt.worker && `on ${attempt.worker}`}{" "}
              {attempt.finished_at && <TimeAgo at={attempt.finished_at} />}
            </Text>
          </summary>
          {attempt.traceback ? (
            <CodeBlock
              text={attempt.traceback}
              name={`the traceback of attempt ${attempt.attempt}`}
              maxHeight={420}
            />
          ) : (
            <Text size="sm" c="dimmed">
              {attempt.kind === "loss"
                ? "The worker stopped answering while it ran the task, so it went back to its queue."
                : "No traceback was kept."}
            </Text>
          )}
        </details>
      ))}
      {attempts.length >= MOST_ATTEMPTS && (
        <Text size="sm" c="dimmed">
          The newest {MOST_ATTEMPTS}.
        </Text>
      )}
    </Stack>
  );
}
