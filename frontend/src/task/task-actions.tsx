import { Button, Group, Text } from "@mantine/core";
import { IconBan, IconEdit, IconRotateClockwise2 } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "../api/client";
import { TERMINAL } from "../api/events";
import { useOneAtATime } from "../api/one-at-a-time";
import { keys, sessionQuery } from "../api/queries";
import type { TaskDetail } from "../api/types";
import { Confirm } from "../components/dialog";
import { notifyProblem } from "../components/notify";
import { useShortcuts } from "../keys/shortcuts";

const NOUN = { cancel: "Cancelling", retry: "Retrying" } as const;

function useAct(task: TaskDetail) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: async (action: "cancel" | "retry") => {
      await api[action](task.id);
    },
    onError: (error, action) => notifyProblem(`${NOUN[action]} changed nothing`, error),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.task(task.id) }),
  });
}

/** A running task loses its work; a waiting one loses nothing and is cancelled at once. */
export function TaskActions({ task }: { task: TaskDetail }) {
  const [asking, setAsking] = useState(false);
  const permissions = useQuery(sessionQuery).data?.permissions;
  const { isPending, mutateAsync } = useAct(task);
  const act = useOneAtATime(mutateAsync);
  const ended = TERMINAL.has(task.state);
  const mayRetry = ended && permissions?.retry;
  const mayCancel = !ended && permissions?.cancel && !task.cancel_requested;
  const cancel = () => (task.state === "running" ? setAsking(true) : act("cancel"));
  useShortcuts({
    retry: mayRetry ? () => act("retry") : undefined,
    cancel: mayCancel ? cancel : undefined,
  });
  return (
    <Group gap="xs">
      {ended && permissions?.submit && (
        <Button
          variant="default"
          size="sm"
          leftSection={<IconEdit size={16} />}
          renderRoot={(p) => <Link to="/new" search={{ name: task.function, from: task.id }} {...p} />}
        >
          Run again with changes
        </Button>
      )}
      {mayRetry && (
        <Button
          variant="default"
          size="sm"
          leftSection={<IconRotateClockwise2 size={16} />}
          loading={isPending}
          onClick={() => act("retry")}
        >
          {task.state === "succeeded" ? "Run again" : "Retry"}
        </Button>
      )}
      {!ended && permissions?.cancel && (
        <Button
          variant="default"
          size="sm"
          leftSection={<IconBan size={16} />}
          loading={isPending}
          disabled={task.cancel_requested}
          onClick={cancel}
        >
          Cancel
        </Button>
      )}
      {asking && (
        <Confirm
          title="Cancel this running task?"
          action="Cancel the task"
          refuse="Let it run"
          onClose={() => setAsking(false)}
          onConfirm={() => {
            setAsking(false);
            act("cancel");
          }}
        >
          <Text size="sm">
            {task.function} is asked to stop. What it has worked out so far is lost; a retry starts from the
            beginning.
          </Text>
        </Confirm>
      )}
    </Group>
  );
}
