import { Button, Code, Stack, Text, Title } from "@mantine/core";
import type { ErrorComponentProps } from "@tanstack/react-router";
import { useLiveStatus } from "../api/status";

/** What is left when a page broke: the shell around it keeps working. */
export function ErrorPage({ error }: ErrorComponentProps) {
  const isOffline = useLiveStatus() === "offline"; // without the server nothing at all would be left
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
      {/* Not the router's reset: it keeps what a part of the page that could not be loaded failed with. */}
      <Button
        disabled={isOffline}
        onClick={() => window.location.reload()}
        style={{ alignSelf: "flex-start" }}
      >
        Try again
      </Button>
    </Stack>
  );
}
