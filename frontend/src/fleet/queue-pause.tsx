import { Button, Stack, Text, TextInput } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, api } from "../api/client";
import { queuesQuery, sessionQuery } from "../api/queries";
import type { Queue } from "../api/types";
import { Confirm } from "../components/dialog";
import { notifyProblem } from "../components/notify";
import { instantOf } from "../components/time";

/** What the server says about a field of the question. */
const faultOf = (error: Error | null, field: string) =>
  error instanceof ApiError && error.fieldErrors.find((fault) => fault.field === field)?.message;

function useAct<T>(queue: Queue, act: (values: T) => Promise<unknown>, onDone?: () => void) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: onDone,
    onError: (error) => {
      if (!(error instanceof ApiError && error.fieldErrors.length > 0))
        notifyProblem(`The queue ${queue.name} is as it was`, error);
    },
    onSettled: () => cache.invalidateQueries({ queryKey: queuesQuery.queryKey }),
  });
}

interface QuestionProps {
  queue: Queue;
  onClose: () => void;
}

/** The reason can be read by everybody who waits for the queue. */
function Question({ queue, onClose }: QuestionProps) {
  const [reason, setReason] = useState("");
  const [until, setUntil] = useState("");
  const pause = useAct(queue, () => api.pause(queue.name, reason, instantOf(until)), onClose);
  return (
    <Confirm
      title={`Pause the queue ${queue.name}?`}
      action="Pause it"
      busy={pause.isPending}
      onConfirm={() => pause.mutate(undefined)}
      onClose={onClose}
    >
      <Stack gap="sm">
        <Text size="sm">
          No further task of it starts until it is resumed. What runs now goes on, and new tasks may be
          submitted.
        </Text>
        <TextInput
          label="Reason"
          maxLength={500}
          value={reason}
          error={faultOf(pause.error, "reason")}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <TextInput
          label="Until"
          description="Then it runs again by itself; empty: until somebody resumes it"
          type="datetime-local"
          value={until}
          error={faultOf(pause.error, "until")}
          onChange={(event) => setUntil(event.currentTarget.value)}
        />
      </Stack>
    </Confirm>
  );
}

/** Pause asks for a reason and an end; resume asks nothing. */
export function QueuePause({ queue }: { queue: Queue }) {
  const [asking, setAsking] = useState(false);
  const mayOperate = useQuery(sessionQuery).data?.permissions.operate ?? false;
  const resume = useAct(queue, () => api.resume(queue.name));
  if (!mayOperate) return null;
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        loading={resume.isPending}
        leftSection={queue.paused ? <IconPlayerPlay size={14} /> : <IconPlayerPause size={14} />}
        aria-label={`${queue.paused ? "Resume" : "Pause"} ${queue.name}`}
        onClick={() => (queue.paused ? resume.mutate(undefined) : setAsking(true))}
      >
        {queue.paused ? "Resume" : "Pause"}
      </Button>
      {asking && <Question queue={queue} onClose={() => setAsking(false)} />}
    </>
  );
}
