import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Empty } from "./empty";

export function NotFound({ title = "There is no such page", hint }: { title?: string; hint?: string }) {
  return (
    <Empty title={title} hint={hint} isPage>
      <title>{`${title} · Taskdeck`}</title>
      <Button mt="xs" size="xs" variant="default" renderRoot={(p) => <Link to="/tasks" {...p} />}>
        Show the tasks
      </Button>
    </Empty>
  );
}
