import {
  IconAlertTriangleFilled,
  IconBan,
  IconCalendarClock,
  IconCircleCheckFilled,
  IconCircleDashed,
  IconLoader2,
  IconRotateClockwise2,
} from "@tabler/icons-react";
import { type ComponentType, memo } from "react";
import type { State, TaskBase } from "../api/types";
import classes from "./states.module.css";

/** "Retrying" is how a scheduled task reads once it has failed. */
type ShownState = State | "retrying";

export const LOOKS: Record<
  ShownState,
  { label: string; icon: ComponentType<{ size?: number; className?: string }> }
> = {
  scheduled: { label: "Scheduled", icon: IconCalendarClock },
  queued: { label: "Queued", icon: IconCircleDashed },
  running: { label: "Running", icon: IconLoader2 },
  retrying: { label: "Retrying", icon: IconRotateClockwise2 },
  succeeded: { label: "Succeeded", icon: IconCircleCheckFilled },
  failed: { label: "Failed", icon: IconAlertTriangleFilled },
  cancelled: { label: "Cancelled", icon: IconBan },
};

type Stateful = Pick<TaskBase, "state" | "failures" | "cancel_requested">;

export const shownState = ({ state, failures }: Pick<Stateful, "state" | "failures">): ShownState =>
  state === "scheduled" && failures > 0 ? "retrying" : state;

/** Plain elements, as in all of a row, and drawn anew only for another state: a flood fills fifty at a time. */
const Badge = memo(function Badge({ shown, isCancelling }: { shown: ShownState; isCancelling: boolean }) {
  const { label, icon: Icon } = LOOKS[shown];
  return (
    <span className={classes.badge} data-state={shown}>
      <Icon size={13} className={shown === "running" ? classes.spin : undefined} />
      {isCancelling ? "Cancelling" : label}
    </span>
  );
});

export function StateBadge({ task }: { task: Stateful }) {
  const shown = shownState(task);
  return <Badge shown={shown} isCancelling={shown === "running" && task.cancel_requested} />;
}
