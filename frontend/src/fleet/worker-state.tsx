import { Badge } from "@mantine/core";
import {
  IconAlertTriangleFilled,
  IconBan,
  IconCircleCheckFilled,
  IconPlayerPauseFilled,
  IconPlugConnectedX,
} from "@tabler/icons-react";
import type { Worker } from "../api/types";
import states from "../components/states.module.css";
import { duration } from "../components/time";

/** The state as people read it: alive, silent for too long, quiet, stopped or lost. */
function stateOf(worker: Pick<Worker, "state" | "is_late" | "is_quiet" | "heartbeat_age_seconds">) {
  if (worker.state === "alive" && worker.is_late)
    return {
      look: "retrying",
      icon: IconAlertTriangleFilled,
      text: `Silent for ${duration(worker.heartbeat_age_seconds * 1000)}`,
    };
  if (worker.state === "alive" && worker.is_quiet)
    return { look: "queued", icon: IconPlayerPauseFilled, text: "Quiet" };
  if (worker.state === "alive") return { look: "succeeded", icon: IconCircleCheckFilled, text: "Alive" };
  if (worker.state === "lost") return { look: "failed", icon: IconPlugConnectedX, text: "Lost" };
  return { look: "cancelled", icon: IconBan, text: "Stopped" };
}

export function WorkerState({ worker }: { worker: Worker }) {
  const { look, icon: Icon, text } = stateOf(worker);
  return (
    <Badge
      className={states.badge}
      data-state={look}
      variant="default"
      tt="none"
      fw={550}
      leftSection={<Icon size={13} />}
    >
      {text}
    </Badge>
  );
}
