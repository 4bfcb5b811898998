import { Alert, Button } from "@mantine/core";

/** A read that failed; what was loaded before stays on the page beside it. */
export function Problem({ error, onRetry }: { error: Error; onRetry: () => void }) {
  return (
    <Alert
      color="red"
      variant="outline"
      role="alert"
      title="This could not be loaded"
      styles={{ title: { color: "var(--mantine-color-error)" } }}
    >
      {error.message}
      <Button size="compact-sm" variant="default" ml="sm" onClick={onRetry}>
        Try again
      </Button>
    </Alert>
  );
}
