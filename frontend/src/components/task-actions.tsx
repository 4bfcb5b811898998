import { Button, Group } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconBan, IconEdit, IconRotateClockwise2 } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api } from "../api/client";
import { TERMINAL } from "../api/events";
import { keys, sessionQuery } from "../api/queries";
import type { TaskDetail } from "../api/types";

const NOUN = { cancel: "Cancelling", retry: "Retrying" } as const;

export function TaskActions({ task }: { task: TaskDetail }) {
  const cache = useQueryClient();
  const permissions = useQuery(sessionQuery).data?.permissions;
  const act = useMutation({
    mutationFn: async (action: "cancel" | "retry") => {
      await api[action](task.id);
    },
    onError: (error, action) =>
      notifications.show({
        color: "red",
        title: `${NOUN[action]} changed nothing`,
        message: error.message,
        autoClose: false,
      }),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.task(task.id) }),
  });
  const ended = TERMINAL.has(task.state);
  return (
    <Group gap="xs">
      {ended && permissions?.submit && (
        <Button
          variant="default"
          size="sm"
          leftSection={<IconEdit size={16} />}
          renderRoot={(p) => <Link to="/new" search={{ name: task.function, from: task.id }} {...p} />}
        >
          Run with changes
        </Button>
      )}
      {ended && permissions?.retry && (
        <Button
          variant="default"
          size="sm"
          leftSection={<IconRotateClockwise2 size={16} />}
          loading={act.isPending}
          onClick={() => act.mutate("retry")}
        >
          {task.state === "succeeded" ? "Run again" : "Retry"}
        </Button>
      )}
      {!ended && permissions?.cancel && (
        <Button
          variant="default"
          size="sm"
          leftSection={<IconBan size={16} />}
          loading={act.isPending}
          disabled={task.cancel_requested}
          onClick={() => act.mutate("cancel")}
        >
          Cancel
        </Button>
      )}
    </Group>
  );
}
