import { ActionIcon, Kbd, Text, UnstyledButton } from "@mantine/core";
import { IconKeyboard, IconSearch } from "@tabler/icons-react";
import { lazyRouteComponent, useNavigate } from "@tanstack/react-router";
import { Suspense, useEffect, useState } from "react";
import { useMaySubmit } from "../api/queries";
import { useShortcuts } from "../keys/shortcuts";
import classes from "./shell.module.css";

const ShortcutHelp = lazyRouteComponent(() => import("../keys/help"));
const Palette = lazyRouteComponent(() => import("../keys/palette"));

type Open = "help" | "palette" | null;

/** The shortcuts that work on every page, the list of them, and the "Go to" box. */
export function GlobalKeys() {
  const [open, setOpen] = useState<Open>(null);
  // A dialog tells of its end when the next may be open already.
  const close = (which: Open) => setOpen((now) => (now === which ? null : now));
  const navigate = useNavigate();
  const maySubmit = useMaySubmit();
  useShortcuts({
    help: () => setOpen("help"),
    overview: () => void navigate({ to: "/overview" }),
    functions: () => void navigate({ to: "/functions" }),
    workers: () => void navigate({ to: "/workers" }),
    queues: () => void navigate({ to: "/queues" }),
    batches: () => void navigate({ to: "/batches" }),
    tasks: () => void navigate({ to: "/tasks" }),
    new: maySubmit ? () => void navigate({ to: "/new" }) : undefined,
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setOpen("palette");
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return (
    <>
      <UnstyledButton className={classes.goto} visibleFrom="sm" onClick={() => setOpen("palette")}>
        <IconSearch size={14} aria-hidden />
        <Text span size="sm">
          Go to…
        </Text>
        <Kbd size="xs">Ctrl K</Kbd>
      </UnstyledButton>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        visibleFrom="sm"
        aria-label="Keyboard shortcuts"
        onClick={() => setOpen("help")}
      >
        <IconKeyboard size={18} />
      </ActionIcon>
      <Suspense>
        {open === "help" && <ShortcutHelp onClose={() => close("help")} />}
        {open === "palette" && <Palette onClose={() => close("palette")} />}
      </Suspense>
    </>
  );
}
