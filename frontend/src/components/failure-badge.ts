/** The tab's icon counts the tasks that failed while nobody looked at it. */
import { useEffect } from "react";
import { api } from "../api/client";

const LOOK_EVERY_MS = 10_000;
const END = "%3C/svg%3E";

/** Failures since the tab was left. What is retried or removed meanwhile lowers the base, never the count. */
export class Failures {
  count = 0;
  private known: number | null = null;

  saw(failed: number): void {
    if (this.known !== null) this.count += Math.max(0, failed - this.known);
    this.known = failed;
  }
}

/** The icon with a red spot, and the number in it where it is readable at 16 pixels. */
export function iconWith(icon: string, count: number): string {
  if (count === 0) return icon;
  const text = count > 9 ? "9+" : String(count);
  const spot = `<circle cx='17.5' cy='17.5' r='8.5' fill='#c92a2a' stroke='#fff'/><text x='17.5' y='21.5' text-anchor='middle' font-family='sans-serif' font-weight='700' font-size='11' fill='#fff'>${text}</text>`;
  return icon.replace(END, encodeURIComponent(spot) + END);
}

/** While the tab is hidden it asks now and then, without the websocket; a look at the tab clears the spot. */
export function useFailureBadge(isAllowed: boolean): void {
  useEffect(() => {
    const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    if (!link || !isAllowed) return;
    const plain = link.href;
    let timer: ReturnType<typeof setInterval> | undefined;
    const look = async (failures: Failures) => {
      try {
        failures.saw((await api.counts({ states: [] })).counts.failed ?? 0);
      } catch {
        return; // asked again in its turn; the connection's own sign tells the visitor
      }
      if (timer !== undefined) link.href = iconWith(plain, failures.count);
    };
    const turn = () => {
      clearInterval(timer);
      timer = undefined;
      link.href = plain;
      if (document.visibilityState !== "hidden") return;
      const failures = new Failures();
      timer = setInterval(() => void look(failures), LOOK_EVERY_MS);
      void look(failures);
    };
    turn();
    document.addEventListener("visibilitychange", turn);
    return () => {
      document.removeEventListener("visibilitychange", turn);
      clearInterval(timer);
      link.href = plain;
    };
  }, [isAllowed]);
}
