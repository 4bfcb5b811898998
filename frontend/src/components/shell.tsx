import { AppShell, Burger, Group, NavLink, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconCode,
  IconLayoutDashboard,
  IconListCheck,
  IconListDetails,
  IconPlayerPlay,
  IconServer2,
  IconStack2,
} from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Navigate, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect } from "react";
import { UNAUTHORIZED } from "../api/client";
import { keys, sessionQuery, useMaySubmit } from "../api/queries";
import type { Session } from "../api/types";
import { Account } from "./account";
import { ConnectionPill, OfflineBar } from "./connection";
import { useFailureBadge } from "./failure-badge";
import { GlobalKeys } from "./global-keys";
import classes from "./shell.module.css";
import { ThemeButton } from "./theme-button";

const NAV = [
  { to: "/overview", label: "Overview", icon: IconLayoutDashboard },
  { to: "/tasks", label: "Tasks", icon: IconListDetails },
  { to: "/batches", label: "Batches", icon: IconListCheck },
  { to: "/new", label: "New task", icon: IconPlayerPlay },
  { to: "/functions", label: "Functions", icon: IconCode },
  { to: "/workers", label: "Workers", icon: IconServer2 },
  { to: "/queues", label: "Queues", icon: IconStack2 },
] as const;

/** A visitor without a name and without rights can do nothing but log in. */
export const mustLogIn = (session: Session | undefined) =>
  session !== undefined && !session.user && !session.permissions.view && !session.permissions.submit;

function useSessionGuard() {
  const cache = useQueryClient();
  const { data: session, isPending } = useQuery(sessionQuery);
  useEffect(() => {
    const check = () => void cache.invalidateQueries({ queryKey: keys.session });
    window.addEventListener(UNAUTHORIZED, check);
    return () => window.removeEventListener(UNAUTHORIZED, check);
  }, [cache]);
  const mayView = session?.permissions.view ?? false;
  return { isKnown: !isPending, isStranger: mustLogIn(session), mayView };
}

export function Shell() {
  const [open, { toggle, close }] = useDisclosure();
  const { pathname, searchStr } = useRouterState({ select: (state) => state.location });
  const { isKnown, isStranger, mayView } = useSessionGuard();
  const maySubmit = useMaySubmit();
  useFailureBadge(mayView);
  if (isStranger && pathname !== "/login")
    return <Navigate to="/login" search={{ next: `/console${pathname}${searchStr}` }} replace />;
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 212, breakpoint: "sm", collapsed: { mobile: !open } }}
      padding={{ base: "md", sm: "lg" }}
    >
      <AppShell.Header className={classes.header}>
        <a href="#main" className={classes.skip}>
          Skip to content
        </a>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={open} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Toggle navigation" />
            <span className={classes.logo} aria-hidden>
              ▞
            </span>
            <Text fw={700}>Taskdeck</Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <GlobalKeys />
            <ConnectionPill />
            <ThemeButton />
            <Account />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" className={classes.navbar} aria-label="Main">
        {NAV.filter(({ to }) => maySubmit || to !== "/new").map(({ to, label, icon: Icon }) => {
          const active = pathname.startsWith(to);
          return (
            <NavLink
              key={to}
              renderRoot={(p) => <Link to={to} {...p} />}
              label={label}
              active={active}
              aria-current={active ? "page" : undefined}
              leftSection={<Icon size={17} stroke={1.7} />}
              onClick={close}
              className={classes.nav}
            />
          );
        })}
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} className={classes.main}>
        <OfflineBar />
        {isKnown && <Outlet />}
      </AppShell.Main>
    </AppShell>
  );
}
