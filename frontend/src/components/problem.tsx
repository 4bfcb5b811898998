import { Alert, Anchor, Button, Stack, Title } from "@mantine/core";
import { Link, useRouterState } from "@tanstack/react-router";
import { ApiError } from "../api/client";

/** A right that is missing: trying again would not help, another account or an operator may. */
function NotAllowed({ error }: { error: ApiError }) {
  const here = useRouterState({
    select: ({ location }) => `/console${location.pathname}${location.searchStr}`,
  });
  return (
    <Alert
      color="yellow"
      variant="outline"
      role="alert"
      title="Your account may not see this"
      styles={{ title: { color: "var(--mantine-color-text)" } }}
    >
      {error.message} Whoever runs this site can give you the right, or{" "}
      <Anchor
        size="sm"
        underline="always"
        renderRoot={(p) => <Link to="/login" search={{ next: here }} {...p} />}
      >
        log in as somebody else
      </Anchor>
      .
    </Alert>
  );
}

interface ProblemProps {
  error: Error;
  onRetry: () => void;
}

/** A read that failed; what was loaded before stays on the page beside it. */
export function Problem({ error, onRetry }: ProblemProps) {
  if (error instanceof ApiError && (error.status === 401 || error.status === 403))
    return <NotAllowed error={error} />;
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

/** The whole page is one thing, and that could not be read. */
export function PageProblem({ title, ...problem }: ProblemProps & { title: string }) {
  return (
    <Stack gap="md">
      <title>{`${title} · Taskdeck`}</title>
      <Title order={1} size="h3">
        {title}
      </Title>
      <Problem {...problem} />
    </Stack>
  );
}
