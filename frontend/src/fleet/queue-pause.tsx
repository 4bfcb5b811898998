import { Button, Text, TextInput } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import { queuesQuery, sessionQuery } from "../api/queries";
import type { Queue } from "../api/types";
import { Confirm } from "../components/dialog";
import { notifyProblem } from "../components/notify";

/** Pause asks for a reason, which everybody who waits for the queue can read; resume asks nothing. */
export function QueuePause({ queue }: { queue: Queue }) {
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useState("");
  const cache = useQueryClient();
  const mayOperate = useQuery(sessionQuery).data?.permissions.operate ?? false;
  const act = useMutation({
    mutationFn: () => (queue.paused ? api.resume(queue.name) : api.pause(queue.name, reason)),
    onError: (error) => notifyProblem(`The queue ${queue.name} is as it was`, error),
    onSettled: () => {
      setAsking(false);
      return cache.invalidateQueries({ queryKey: queuesQuery.queryKey });
    },
  });
  if (!mayOperate) return null;
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        loading={act.isPending}
        leftSection={queue.paused ? <IconPlayerPlay size={14} /> : <IconPlayerPause size={14} />}
        aria-label={`${queue.paused ? "Resume" : "Pause"} ${queue.name}`}
        onClick={() => (queue.paused ? act.mutate() : setAsking(true))}
      >
        {queue.paused ? "Resume" : "Pause"}
      </Button>
      {asking && (
        <Confirm
          title={`Pause the queue ${queue.name}?`}
          action="Pause it"
          busy={act.isPending}
          onConfirm={() => act.mutate()}
          onClose={() => setAsking(false)}
        >
          <Text size="sm" mb="sm">
            No further task of it starts until it is resumed. What runs now goes on, and new tasks may be
            submitted.
          </Text>
          <TextInput
            label="Reason"
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        </Confirm>
      )}
    </>
  );
}
