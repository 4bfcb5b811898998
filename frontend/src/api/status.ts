import { useSyncExternalStore } from "react";

export type LiveStatus = "live" | "polling" | "offline";

interface Signs {
  socketOpen: boolean;
  /** Did the last REST request reach the server? */
  reachable: boolean;
  online: boolean;
}

/** An open socket proves nothing once requests fail: a dead link keeps it open for minutes. */
export function statusOf({ socketOpen, reachable, online }: Signs): LiveStatus {
  if (!online || !reachable) return "offline";
  return socketOpen ? "live" : "polling";
}

let signs: Signs = { socketOpen: false, reachable: true, online: navigator.onLine };
let status = statusOf(signs);
const listeners = new Set<() => void>();

function update(change: Partial<Signs>) {
  signs = { ...signs, ...change };
  const next = statusOf(signs);
  if (next === status) return;
  status = next;
  for (const listener of listeners) listener();
}

export const reportReachable = (reachable: boolean) => update({ reachable });
export const reportSocket = (socketOpen: boolean) => update({ socketOpen });
window.addEventListener("online", () => update({ online: true, reachable: true }));
window.addEventListener("offline", () => update({ online: false }));

export const currentStatus = () => status;
export function onStatus(listener: () => void) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
export const useLiveStatus = () => useSyncExternalStore(onStatus, currentStatus);

/** How often the page on view is read again; while live this heals events that were lost. */
export const refetchMs = () => (status === "live" ? 4_000 : 3_000);
