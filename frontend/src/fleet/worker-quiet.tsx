import { Button } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import { sessionQuery, workersQuery } from "../api/queries";
import type { Worker } from "../api/types";
import { notifyProblem } from "../components/notify";

/** A quiet worker claims nothing and finishes what it runs: before a restart, or to leave work to others. */
export function WorkerQuiet({ worker }: { worker: Worker }) {
  const cache = useQueryClient();
  const mayOperate = useQuery(sessionQuery).data?.permissions.operate ?? false;
  const act = useMutation({
    mutationFn: () => api.quiet(worker.id, !worker.is_quiet),
    onError: (error) => notifyProblem(`The worker ${worker.node} is as it was`, error),
    onSettled: () => cache.invalidateQueries({ queryKey: workersQuery.queryKey }),
  });
  if (!mayOperate) return null;
  return (
    <Button
      size="compact-xs"
      variant="default"
      loading={act.isPending}
      leftSection={worker.is_quiet ? <IconPlayerPlay size={12} /> : <IconPlayerPause size={12} />}
      aria-label={worker.is_quiet ? `Let ${worker.node} claim again` : `Quiet ${worker.node}`}
      title={worker.is_quiet ? undefined : "It claims nothing more and finishes what it runs"}
      onClick={() => act.mutate()}
    >
      {worker.is_quiet ? "Claim again" : "Quiet"}
    </Button>
  );
}
