import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { statesIn, validateFilter } from "./api/filter";
import type { TrendRange } from "./api/types";
import { ErrorPage } from "./components/error-page";
import { NotFound } from "./components/not-found";
import { Shell } from "./components/shell";

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
const RANGES: readonly unknown[] = ["15m", "1h", "24h", "7d"] satisfies TrendRange[];
const isRange = (value: unknown): value is TrendRange => RANGES.includes(value);

const root = createRootRoute({ component: Shell, notFoundComponent: () => <NotFound /> });
const index = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/new" });
  },
});
const tasks = createRoute({
  getParentRoute: () => root,
  path: "/tasks",
  validateSearch: validateFilter,
  component: lazyRouteComponent(() => import("./pages/tasks")),
});
const task = createRoute({
  getParentRoute: () => root,
  path: "/tasks/$id",
  component: lazyRouteComponent(() => import("./pages/task")),
});
const batches = createRoute({
  getParentRoute: () => root,
  path: "/batches",
  component: lazyRouteComponent(() => import("./pages/batches")),
});
const batch = createRoute({
  getParentRoute: () => root,
  path: "/batches/$id",
  validateSearch: (search: Record<string, unknown>): { state?: string } => ({
    state: statesIn(text(search.state)).join(",") || undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/batch")),
});
const overview = createRoute({
  getParentRoute: () => root,
  path: "/overview",
  validateSearch: (search: Record<string, unknown>): { range?: TrendRange } => ({
    range: isRange(search.range) ? search.range : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/overview")),
});
const functions = createRoute({
  getParentRoute: () => root,
  path: "/functions",
  component: lazyRouteComponent(() => import("./pages/functions")),
});
const workers = createRoute({
  getParentRoute: () => root,
  path: "/workers",
  component: lazyRouteComponent(() => import("./pages/workers")),
});
const queues = createRoute({
  getParentRoute: () => root,
  path: "/queues",
  component: lazyRouteComponent(() => import("./pages/queues")),
});
const create = createRoute({
  getParentRoute: () => root,
  path: "/new",
  validateSearch: (search: Record<string, unknown>): { name?: string; from?: string } => ({
    name: text(search.name),
    from: text(search.from),
  }),
  component: lazyRouteComponent(() => import("./pages/new-task")),
});
const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search: Record<string, unknown>): { next?: string } => ({ next: text(search.next) }),
  component: lazyRouteComponent(() => import("./pages/login")),
});

export const BASE = "/console";
export const router = createRouter({
  routeTree: root.addChildren([
    index,
    overview,
    tasks,
    task,
    batches,
    batch,
    functions,
    workers,
    queues,
    create,
    login,
  ]),
  basepath: BASE,
  defaultErrorComponent: ErrorPage,
  defaultPreload: "intent",
  scrollRestoration: true,
});
declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
