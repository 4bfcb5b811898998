import { Stack, Text, Title } from "@mantine/core";
import { IconInbox } from "@tabler/icons-react";
import type { ReactNode } from "react";

interface EmptyProps {
  title: string;
  hint?: string;
  /** Nothing else is on the page: the line is its heading. */
  isPage?: boolean;
  children?: ReactNode;
}

/** Icon, one line, one action. */
export function Empty({ title, hint, isPage, children }: EmptyProps) {
  return (
    <Stack align="center" gap={6} p={48} ta="center">
      <IconInbox size={36} stroke={1.2} aria-hidden />
      {isPage ? (
        <Title order={1} size="h5">
          {title}
        </Title>
      ) : (
        <Text fw={600}>{title}</Text>
      )}
      {hint && (
        <Text size="sm" c="dimmed">
          {hint}
        </Text>
      )}
      {children}
    </Stack>
  );
}
