import { Alert, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { waitingQuery } from "../api/queries";
import type { TaskDetail, WaitingReason } from "../api/types";
import { TimeUntil } from "../components/time";

/** Reasons that somebody has to do something about. */
const STUCK = new Set(["no_worker", "unknown_function", "paused", "broker_down"]);

const AT: Partial<Record<WaitingReason["code"], string>> = {
  in_line: "At the pace of the last minutes it starts",
  paused: "The pause ends",
};

function Reason({ reason }: { reason: WaitingReason }) {
  return (
    <Text size="sm">
      {reason.text}
      {reason.at && (
        <>
          {" "}
          {AT[reason.code] ?? "Due"} <TimeUntil at={reason.at} />.
        </>
      )}
    </Text>
  );
}

/** "Why is it not running yet?", answered by the server in words. */
export function Waiting({ task }: { task: TaskDetail }) {
  const waits = task.state === "queued" || task.state === "scheduled";
  const { data: reasons } = useQuery({ ...waitingQuery(task.id, task.revision), enabled: waits });
  if (!waits || !reasons || reasons.length === 0) return null;
  const stuck = reasons.some(({ code }) => STUCK.has(code));
  return (
    <Alert
      color={stuck ? "yellow" : "gray"}
      variant="outline"
      title="Why is it not running yet?"
      styles={{ title: { color: "var(--mantine-color-text)" } }}
    >
      <Stack gap={4}>
        {reasons.map((reason) => (
          <Reason key={reason.code} reason={reason} />
        ))}
      </Stack>
    </Alert>
  );
}
