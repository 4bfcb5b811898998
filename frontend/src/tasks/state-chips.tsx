import { Button, Group } from "@mantine/core";
import { type Counts, STATES, type State } from "../api/types";
import { LOOKS } from "../components/states";
import classes from "../components/states.module.css";

const exact = Intl.NumberFormat("en");

/** The server counts up to its cap, and where no index helps among the newest only. */
export const countText = (
  count: number,
  { cap, is_complete: isComplete }: Pick<Counts, "cap" | "is_complete">,
) => (count >= cap ? `${exact.format(cap)}+` : `${exact.format(count)}${isComplete ? "" : "+"}`);

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
                <span className={classes.num}>{countText(count, counts)}</span>
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
