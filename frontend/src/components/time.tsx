import { useSyncExternalStore } from "react";

let now = Date.now();
const subs = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
const subscribe = (cb: () => void) => {
  subs.add(cb);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const s of subs) s();
  }, 1000);
  return () => {
    subs.delete(cb);
    if (!subs.size) {
      clearInterval(timer);
      timer = undefined;
    }
  };
};
/** One shared 1 Hz clock for every relative time on the page. */
export const useNow = () => useSyncExternalStore(subscribe, () => now);

export function duration(ms: number) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${Math.floor(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`;
}
export function ago(ms: number) {
  const s = Math.round(ms / 1000);
  if (s < 5) return "just now";
  if (s < 60) return `${s} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86400)} d ago`;
}
const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** "in 3 hours": the future needs no more than its largest unit. */
export function until(ms: number) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? (["second", 1] as const);
  return relative.format(Math.floor(seconds / size), unit);
}

export function TimeUntil({ at }: { at: string }) {
  const t = useNow();
  return (
    <time dateTime={at}>
      {until(Date.parse(at) - t)}, {new Date(at).toLocaleString()}
    </time>
  );
}

/** What `told` makes of the shared clock: drawn anew when it says something else, not at every tick. */
const useTold = (told: (now: number) => string) => useSyncExternalStore(subscribe, () => told(now));

export function TimeAgo({ at }: { at: string }) {
  const instant = Date.parse(at);
  const told = useTold((t) => ago(t - instant));
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {told}
    </time>
  );
}

/** What a `datetime-local` field holds, in the visitor's time zone, as an instant; null while it is empty. */
export const instantOf = (typed: string) => (typed ? new Date(typed).toISOString() : null);

type Timed = { started_at: string | null; finished_at: string | null };

function Since({ at }: { at: string }) {
  const instant = Date.parse(at);
  return useTold((t) => duration(t - instant));
}

/** How long the task ran, or has been running; only the latter ticks with the shared clock. */
export function RunTime({ task }: { task: Timed }) {
  if (!task.started_at) return "—";
  if (!task.finished_at) return <Since at={task.started_at} />;
  return duration(Date.parse(task.finished_at) - Date.parse(task.started_at));
}
