import { Badge, Group, Progress, Text } from "@mantine/core";
import {
  IconAlertTriangleFilled,
  IconCircleCheckFilled,
  IconCircleDashed,
  IconLoader2,
} from "@tabler/icons-react";
import type { Batch, State } from "../api/types";
import { LOOKS } from "../components/states";
import classes from "../components/states.module.css";
import { type Standing, sharesOf } from "./standing";

const exact = Intl.NumberFormat("en");

const SHOWN: Record<Standing["word"], { state: State; icon: typeof IconLoader2 }> = {
  Waiting: { state: "queued", icon: IconCircleDashed },
  Running: { state: "running", icon: IconLoader2 },
  Ended: { state: "succeeded", icon: IconCircleCheckFilled },
  "Ended with failures": { state: "failed", icon: IconAlertTriangleFilled },
};

export function StandingBadge({ standing }: { standing: Standing }) {
  const { state, icon: Icon } = SHOWN[standing.word];
  return (
    <Badge
      className={classes.badge}
      data-state={state}
      variant="default"
      size="md"
      tt="none"
      fw={550}
      leftSection={<Icon size={13} className={state === "running" ? classes.spin : undefined} />}
    >
      {standing.word}
    </Badge>
  );
}

interface Props {
  counts: NonNullable<Batch["counts"]>;
  standing: Standing;
  size?: number;
}

/** One bar of all states, named as a whole: the parts are told by the counts beside it. */
export function BatchBar({ counts, standing, size = 8 }: Props) {
  const told = sharesOf(counts).map(({ state }) => `${counts[state]} ${LOOKS[state].label.toLowerCase()}`);
  return (
    <Group gap={8} wrap="nowrap" flex={1}>
      <Progress.Root
        size={size}
        flex={1}
        role="progressbar"
        aria-label="Tasks that have ended"
        aria-valuenow={standing.percent}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuetext={[`${standing.ended} of ${standing.total} ended`, ...told].join(", ")}
      >
        {sharesOf(counts).map(({ state, percent }) => (
          <Progress.Section
            key={state}
            value={percent}
            className={classes.bar}
            data-state={state}
            withAria={false}
          />
        ))}
      </Progress.Root>
      <Text size="xs" className={classes.num} ta="right">
        {exact.format(standing.ended)} of {exact.format(standing.total)}
      </Text>
    </Group>
  );
}
