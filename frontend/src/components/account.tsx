import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, lazyRouteComponent } from "@tanstack/react-router";
import { Suspense } from "react";
import { sessionQuery } from "../api/queries";

const UserMenu = lazyRouteComponent(() => import("./user-menu"));

export function Account() {
  const user = useQuery(sessionQuery).data?.user;
  if (user)
    return (
      <Suspense>
        <UserMenu />
      </Suspense>
    );
  return (
    <Button size="compact-sm" variant="subtle" renderRoot={(p) => <Link to="/login" {...p} />}>
      Log in
    </Button>
  );
}
