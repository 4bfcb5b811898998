/** Keyboard shortcuts: what there is, how keys become actions, and the visitor's off switch. */
import { useEffect, useRef, useSyncExternalStore } from "react";

export const SHORTCUTS = [
  { keys: "?", action: "help", label: "Show this list" },
  { keys: "g o", action: "overview", label: "Go to the overview" },
  { keys: "g t", action: "tasks", label: "Go to the tasks" },
  { keys: "g b", action: "batches", label: "Go to the batches" },
  { keys: "g f", action: "functions", label: "Go to the functions" },
  { keys: "g w", action: "workers", label: "Go to the workers" },
  { keys: "g q", action: "queues", label: "Go to the queues" },
  { keys: "n", action: "new", label: "New task" },
  { keys: "/", action: "search", label: "Search the tasks" },
  { keys: "j", action: "next", label: "Next row" },
  { keys: "k", action: "previous", label: "Previous row" },
  { keys: "x", action: "select", label: "Select the row" },
  { keys: "r", action: "retry", label: "Retry the task, or the selected ones" },
  { keys: "c", action: "cancel", label: "Cancel the task, or the selected ones" },
  { keys: "D", action: "theme", label: "Light or dark" },
] as const;

type Action = (typeof SHORTCUTS)[number]["action"];
type Handlers = Partial<Record<Action, () => void>>;

/** A key may complete a sequence ("g t"), begin one, or mean nothing. */
export function step(pending: string, key: string): { action?: Action; pending: string } {
  const typed = pending ? `${pending} ${key}` : key;
  const found = SHORTCUTS.find(({ keys }) => keys === typed);
  if (found) return { action: found.action, pending: "" };
  if (SHORTCUTS.some(({ keys }) => keys.startsWith(`${typed} `))) return { pending: typed };
  return pending ? step("", key) : { pending: "" };
}

const SEQUENCE_MS = 1_500;
const TYPING =
  "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], [role=textbox], dialog[open]";
const STORED = "taskdeck.shortcuts";

let enabled = localStorage.getItem(STORED) !== "off";
const listeners = new Set<() => void>();

/** Single letters can be switched off (WCAG 2.1.4); the switch is kept in this browser. */
export function enableShortcuts(on: boolean) {
  enabled = on;
  localStorage.setItem(STORED, on ? "on" : "off");
  for (const listener of listeners) listener();
}

export const useShortcutsEnabled = () =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    () => enabled,
  );

/** The newest handler of an action wins: a page stands above the shell. */
const stack: { current: Handlers }[] = [];
let pending = { keys: "", at: 0 };

function onKey(event: KeyboardEvent) {
  const target = event.target as Element;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest?.(TYPING)) return;
  const before = event.timeStamp - pending.at < SEQUENCE_MS ? pending.keys : "";
  const { action, pending: keys } = step(before, event.key);
  pending = { keys, at: event.timeStamp };
  // The list itself always opens: it holds the switch.
  if (!action || (!enabled && action !== "help")) return;
  const handler = stack.findLast(({ current }) => current[action])?.current[action];
  if (!handler) return;
  event.preventDefault();
  handler();
}

export function useShortcuts(handlers: Handlers) {
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  useEffect(() => {
    if (stack.length === 0) window.addEventListener("keydown", onKey);
    stack.push(latest);
    return () => {
      stack.splice(stack.indexOf(latest), 1);
      if (stack.length === 0) window.removeEventListener("keydown", onKey);
    };
  }, []);
}
