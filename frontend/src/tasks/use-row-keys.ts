import type { RefObject } from "react";
import { useShortcuts } from "../keys/shortcuts";

/** j and k go through the links of the rows, x selects the row of the focused one. */
export function useRowKeys(area: RefObject<HTMLElement | null>, onSelect: (id: string) => void) {
  const links = () => [...(area.current?.querySelectorAll<HTMLElement>("[data-task]") ?? [])];
  const focused = () => links().indexOf(document.activeElement as HTMLElement);
  useShortcuts({
    next: () => links()[Math.min(focused() + 1, links().length - 1)]?.focus(),
    previous: () => links()[Math.max(focused() - 1, 0)]?.focus(),
    select: () => {
      const id = links()[focused()]?.dataset.task;
      if (id) onSelect(id);
    },
  });
}
