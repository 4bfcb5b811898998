import { Button, Group, Text } from "@mantine/core";
import { IconBan, IconRotateClockwise2 } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useOneAtATime } from "../api/one-at-a-time";
import { keys, sessionQuery } from "../api/queries";
import type { Act, Batch } from "../api/types";
import { Confirm } from "../components/dialog";
import { notifyDone, notifyProblem } from "../components/notify";
import { useShortcuts } from "../keys/shortcuts";
import { actOn } from "../tasks/bulk";
import type { Standing } from "./standing";

const exact = Intl.NumberFormat("en");
const tasks = (count: number) => `${exact.format(count)} ${count === 1 ? "task" : "tasks"}`;
const done = (act: Act, count: number) => {
  if (act === "cancel") return `${tasks(count)} cancelled or asked to stop.`;
  return `${tasks(count)} sent back to ${count === 1 ? "its queue" : "their queues"}.`;
};

function useActOnAll(batch: Batch) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (act: Act) =>
      actOn(act, { filter: { states: act === "retry" ? ["failed"] : [], batch: batch.id } }, () => {}),
    onSuccess: (count, act) => notifyDone(done(act, count)),
    onError: (error) => notifyProblem("Not all tasks were changed", error),
    onSettled: () => {
      void cache.invalidateQueries({ queryKey: keys.batch(batch.id) });
      void cache.invalidateQueries({ queryKey: keys.lists });
    },
  });
}

/** Cancel what has not ended, retry what failed. */
export function BatchActions({ batch, standing }: { batch: Batch; standing: Standing }) {
  const [asking, setAsking] = useState(false);
  const permissions = useQuery(sessionQuery).data?.permissions;
  const { isPending, variables, mutateAsync } = useActOnAll(batch);
  const act = useOneAtATime(mutateAsync);
  const live = standing.total - standing.ended;
  const mayCancel = live > 0 && permissions?.cancel;
  const mayRetry = standing.failed > 0 && permissions?.retry;
  useShortcuts({
    cancel: mayCancel ? () => setAsking(true) : undefined,
    retry: mayRetry ? () => act("retry") : undefined,
  });
  return (
    <Group gap="xs">
      {mayRetry && (
        <Button
          variant="default"
          size="sm"
          leftSection={<IconRotateClockwise2 size={16} />}
          loading={isPending && variables === "retry"}
          onClick={() => act("retry")}
        >
          Retry {exact.format(standing.failed)} failed
        </Button>
      )}
      {mayCancel && (
        <Button
          variant="default"
          size="sm"
          leftSection={<IconBan size={16} />}
          loading={isPending && variables === "cancel"}
          onClick={() => setAsking(true)}
        >
          Cancel all
        </Button>
      )}
      {asking && (
        <Confirm
          title={`Cancel ${tasks(live)}?`}
          action="Cancel them"
          refuse="Let them run"
          onClose={() => setAsking(false)}
          onConfirm={() => {
            setAsking(false);
            act("cancel");
          }}
        >
          <Text size="sm">
            Waiting tasks are cancelled at once, running ones are asked to stop and lose their work.
            {batch.then_task?.state === "scheduled" &&
              ` Then the batch has ended, and ${batch.then_task.function} runs. Cancel that one first to prevent it.`}
          </Text>
        </Confirm>
      )}
    </Group>
  );
}
