import { Button, Group } from "@mantine/core";
import { type Counts, STATES, type State } from "../api/types";
import { LOOKS } from "./states";
import classes from "./states.module.css";

const compact = Intl.NumberFormat("en", { notation: "compact" });

/** The server counts up to its cap only. */
export const countText = (count: number, cap: number) =>
  count >= cap ? `${compact.format(cap)}+` : compact.format(count);

export function StateChips({
  chosen,
  counts,
  onToggle,
}: {
  chosen: readonly State[];
  counts: Counts | undefined;
  onToggle: (state: State) => void;
}) {
  return (
    <Group gap={6} role="group" aria-label="Filter by state">
      {STATES.map((state) => {
        const { icon: Icon, label } = LOOKS[state];
        const count = counts?.counts[state];
        return (
          <Button
            key={state}
            size="compact-sm"
            radius="xl"
            variant={chosen.includes(state) ? "filled" : "default"}
            aria-pressed={chosen.includes(state)}
            leftSection={<Icon size={14} />}
            rightSection={
              counts && count !== undefined ? (
                <span className={classes.num}>{countText(count, counts.cap)}</span>
              ) : undefined
            }
            onClick={() => onToggle(state)}
          >
            {label}
          </Button>
        );
      })}
    </Group>
  );
}
