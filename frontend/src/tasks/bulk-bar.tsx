import { Button, Group, Paper, Text } from "@mantine/core";
import { IconBan, IconRotateClockwise2 } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { TaskFilter } from "../api/filter";
import { keys, sessionQuery } from "../api/queries";
import type { Act, Counts } from "../api/types";
import { Confirm } from "../components/dialog";
import { notifyDone, notifyProblem } from "../components/notify";
import { useShortcuts } from "../keys/shortcuts";
import { actOn, affected, type Target } from "./bulk";
import { countText } from "./state-chips";

interface Props {
  selected: ReadonlySet<string>;
  filter: TaskFilter;
  counts: Counts | undefined;
  /** Are there matching tasks beyond the ones that can be ticked? */
  hasMore: boolean;
  onClear: () => void;
}

const WORDS: Record<Act, { title: string; action: string; done: string; effect: string }> = {
  retry: {
    title: "Retry",
    action: "Retry them",
    done: "sent back to their queues",
    effect: "Each goes back to its queue and runs again; its history stays.",
  },
  cancel: {
    title: "Cancel",
    action: "Cancel them",
    done: "cancelled or asked to stop",
    effect: "Waiting tasks are cancelled at once, running ones are asked to stop and lose their work.",
  },
};

const tasks = (count: string | number) => `${count} ${String(count) === "1" ? "task" : "tasks"}`;

/** What can be done with the selected tasks, or with all that match the filter. */
export function BulkBar({ selected, filter, counts, hasMore, onClear }: Props) {
  // Whoever ticks or unticks a row afterwards means these rows, not all.
  const [allSince, setAllSince] = useState<ReadonlySet<string> | null>(null);
  const isAll = allSince === selected;
  const [asking, setAsking] = useState<Act | null>(null);
  const [changed, setChanged] = useState(0);
  const cache = useQueryClient();
  const permissions = useQuery(sessionQuery).data?.permissions;
  const act = useMutation({
    mutationFn: (wanted: Act) => {
      const target: Target = isAll ? { filter } : { ids: [...selected] };
      setChanged(0);
      return actOn(wanted, target, setChanged);
    },
    onSuccess: (count, wanted) => {
      notifyDone(`${tasks(count)} ${WORDS[wanted].done}.`);
      onClear();
    },
    onError: (error) =>
      notifyProblem(changed ? `Stopped after ${tasks(changed)}` : "Nothing was changed", error),
    onSettled: () => {
      setAsking(null);
      void cache.invalidateQueries({ queryKey: keys.lists });
      void cache.invalidateQueries({ queryKey: keys.counts });
    },
  });
  useShortcuts({
    retry: permissions?.retry ? () => setAsking("retry") : undefined,
    cancel: permissions?.cancel ? () => setAsking("cancel") : undefined,
  });
  const countFor = (wanted: Act) =>
    isAll && counts ? countText(affected(wanted, filter, counts), counts) : selected.size;
  return (
    <Paper withBorder radius="md" px="sm" py={6} role="toolbar" aria-label="Selected tasks">
      <Group gap="xs">
        <Text size="sm" fw={600} role="status">
          {isAll ? "All matching tasks" : `${selected.size} selected`}
        </Text>
        {permissions?.retry && (
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconRotateClockwise2 size={14} />}
            onClick={() => setAsking("retry")}
          >
            Retry
          </Button>
        )}
        {permissions?.cancel && (
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconBan size={14} />}
            onClick={() => setAsking("cancel")}
          >
            Cancel
          </Button>
        )}
        {hasMore && !isAll && (
          <Button size="compact-sm" variant="subtle" onClick={() => setAllSince(selected)}>
            Select all that match
          </Button>
        )}
        <Button size="compact-sm" variant="subtle" color="gray" onClick={onClear}>
          Clear
        </Button>
      </Group>
      {asking && (
        <Confirm
          title={`${WORDS[asking].title} ${tasks(countFor(asking))}?`}
          action={WORDS[asking].action}
          busy={act.isPending}
          onConfirm={() => act.mutate(asking)}
          onClose={() => setAsking(null)}
        >
          <Text size="sm">{WORDS[asking].effect} Tasks whose state does not allow it are left alone.</Text>
          {act.isPending && changed > 0 && (
            <Text size="sm" role="status" mt="xs">
              {tasks(changed)} so far…
            </Text>
          )}
        </Confirm>
      )}
    </Paper>
  );
}
