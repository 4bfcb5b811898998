import { lazyRouteComponent } from "@tanstack/react-router";
import { Suspense } from "react";
import { useToastsWanted } from "./notify";

const Notifications = lazyRouteComponent(() => import("./toasts-view"));

export function Toasts() {
  return useToastsWanted() ? (
    <Suspense>
      <Notifications />
    </Suspense>
  ) : null;
}
