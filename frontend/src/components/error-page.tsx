import { Button, Code, Group, Stack, Text, Title } from "@mantine/core";
import type { ErrorComponentProps } from "@tanstack/react-router";

/** What is left when a page broke: the shell around it keeps working. */
export function ErrorPage({ error, reset }: ErrorComponentProps) {
  return (
    <Stack gap="sm" maw={640} role="alert">
      <title>Something broke · Taskdeck</title>
      <Title order={1} size="h3">
        This page broke
      </Title>
      <Text>Your tasks are not affected: they run without the console.</Text>
      <details>
        <summary>What the browser says</summary>
        <Code block mt="xs" style={{ whiteSpace: "pre-wrap" }}>
          {error instanceof Error ? (error.stack ?? error.message) : String(error)}
        </Code>
      </details>
      <Group>
        <Button onClick={reset}>Try again</Button>
        <Button variant="default" onClick={() => window.location.reload()}>
          Reload the console
        </Button>
      </Group>
    </Stack>
  );
}
