import { Button, Group } from "@mantine/core";
import { memo } from "react";
import { type Counts, STATES, type State } from "../api/types";
import { LOOKS } from "../components/states";
import classes from "../components/states.module.css";

const exact = Intl.NumberFormat("en");

/** The server counts up to its cap, and where no index helps among the newest only. */
export const countText = (
  count: number,
  { cap, is_complete: isComplete }: Pick<Counts, "cap" | "is_complete">,
) => (count >= cap ? `${exact.format(cap)}+` : `${exact.format(count)}${isComplete ? "" : "+"}`);

interface ChipProps {
  state: State;
  isChosen: boolean;
  count: string | undefined;
  onToggle: (state: State) => void;
}

/** Drawn anew only for another count or choice. */
const Chip = memo(function Chip({ state, isChosen, count, onToggle }: ChipProps) {
  const { icon: Icon, label } = LOOKS[state];
  return (
    <Button
      size="compact-sm"
      radius="xl"
      variant={isChosen ? "filled" : "default"}
      aria-pressed={isChosen}
      leftSection={<Icon size={14} />}
      rightSection={count === undefined ? undefined : <span className={classes.num}>{count}</span>}
      onClick={() => onToggle(state)}
    >
      {label}
    </Button>
  );
});

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
        const count = counts?.counts[state];
        return (
          <Chip
            key={state}
            state={state}
            isChosen={chosen.includes(state)}
            count={counts && count !== undefined ? countText(count, counts) : undefined}
            onToggle={onToggle}
          />
        );
      })}
    </Group>
  );
}
