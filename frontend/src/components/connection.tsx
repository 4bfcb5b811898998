import { Badge } from "@mantine/core";
import { IconBolt, IconPlugConnectedX, IconRefresh } from "@tabler/icons-react";
import { type LiveStatus, useLiveStatus } from "../api/status";
import classes from "./shell.module.css";

const LIVE: Record<LiveStatus, { label: string; hint: string; icon: typeof IconBolt }> = {
  live: { label: "Live", hint: "Updates arrive over a websocket", icon: IconBolt },
  polling: { label: "Polling", hint: "The websocket is down; refreshing every 3 s", icon: IconRefresh },
  offline: { label: "Offline", hint: "No connection. What you see may be old", icon: IconPlugConnectedX },
};

export function ConnectionPill() {
  const status = useLiveStatus();
  const { label, hint, icon: Icon } = LIVE[status];
  return (
    <Badge
      role="status"
      title={hint}
      className={classes.live}
      data-live={status}
      variant="default"
      tt="none"
      leftSection={<Icon size={12} />}
    >
      {label}
    </Badge>
  );
}

/** A word above the page while it cannot be trusted. */
export function OfflineBar() {
  return useLiveStatus() === "offline" ? (
    <div role="alert" className={classes.offline}>
      {LIVE.offline.hint}. Trying again by itself.
    </div>
  ) : null;
}
