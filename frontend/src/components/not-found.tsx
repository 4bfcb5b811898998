import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Empty } from "./empty";

export function NotFound() {
  return (
    <Empty title="There is no such page">
      <Button mt="xs" size="xs" variant="default" renderRoot={(p) => <Link to="/tasks" {...p} />}>
        Show the tasks
      </Button>
    </Empty>
  );
}
