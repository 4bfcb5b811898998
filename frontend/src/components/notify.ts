/** Short notices at the edge of the page. Their code is loaded with the first one. */
import { useSyncExternalStore } from "react";

let wanted = false;
const listeners = new Set<() => void>();

export const useToastsWanted = () =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    () => wanted,
  );

async function show(notice: { color: string; title?: string; message: string; autoClose: number | false }) {
  wanted = true;
  for (const listener of listeners) listener();
  const { notifications } = await import("@mantine/notifications");
  notifications.show(notice);
}

export const notifyDone = (message: string) => void show({ color: "teal", message, autoClose: 4_000 });

/** Stays until it is dismissed; says what did not change. */
export const notifyProblem = (title: string, error: Error) =>
  void show({ color: "red", title, message: error.message, autoClose: false });
