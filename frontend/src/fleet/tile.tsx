import { Paper, Text } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./fleet.module.css";

interface Props {
  label: string;
  value: string;
  hint: ReactNode;
  isBad?: boolean;
  /** Each tile leads to the rows it counts. */
  link: (props: Record<string, unknown>) => ReactNode;
}

export function Tile({ label, value, hint, isBad = false, link }: Props) {
  return (
    <Paper withBorder p="md" radius="md" className={classes.tile} renderRoot={link}>
      <Text size="xs" c="dimmed" fw={600}>
        {label}
      </Text>
      <Text
        fz={28}
        fw={700}
        lh={1.25}
        className={classes.num}
        c={isBad ? "var(--mantine-color-error)" : undefined}
      >
        {value}
      </Text>
      <Text size="xs" c="dimmed">
        {hint}
      </Text>
    </Paper>
  );
}
