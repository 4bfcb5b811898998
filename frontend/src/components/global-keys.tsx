import { ActionIcon, Kbd, Text, UnstyledButton } from "@mantine/core";
import { IconKeyboard, IconSearch } from "@tabler/icons-react";
import { lazyRouteComponent, useNavigate } from "@tanstack/react-router";
import { Suspense, useCallback, useEffect, useState } from "react";
import { useMaySubmit } from "../api/queries";
import { useShortcuts } from "../keys/shortcuts";
import classes from "./shell.module.css";

const ShortcutHelp = lazyRouteComponent(() => import("../keys/help"));
const Palette = lazyRouteComponent(() => import("../keys/palette"));

interface Open {
  box: "help" | "palette";
  turn: number;
}

/** A dialog tells of its end a moment after it: the next, or the same once more, may be asked for before. */
function useOneBox() {
  const [open, setOpen] = useState<Open | null>(null);
  const show = useCallback(
    (box: Open["box"]) =>
      setOpen((now) => (box === "palette" && now?.box === box ? now : { box, turn: (now?.turn ?? 0) + 1 })),
    [],
  );
  const close = (turn: number) => setOpen((now) => (now?.turn === turn ? null : now));
  return { open, show, close };
}

/** The shortcuts that work on every page, the list of them, and the "Go to" box. */
export function GlobalKeys() {
  const { open, show, close } = useOneBox();
  const navigate = useNavigate();
  const maySubmit = useMaySubmit();
  useShortcuts({
    help: () => show("help"),
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
      show("palette");
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [show]);
  return (
    <>
      <UnstyledButton className={classes.goto} visibleFrom="sm" onClick={() => show("palette")}>
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
        onClick={() => show("help")}
      >
        <IconKeyboard size={18} />
      </ActionIcon>
      <Suspense>
        {open?.box === "help" && <ShortcutHelp key={open.turn} onClose={() => close(open.turn)} />}
        {open?.box === "palette" && <Palette key={open.turn} onClose={() => close(open.turn)} />}
      </Suspense>
    </>
  );
}
