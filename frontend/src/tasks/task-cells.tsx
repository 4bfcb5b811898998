import { useRouter } from "@tanstack/react-router";
import type { MouseEvent } from "react";
import type { TaskRow } from "../api/types";
import classes from "./task-table.module.css";

export interface RowsProps {
  tasks: readonly TaskRow[];
  busy: boolean;
  selected: ReadonlySet<string>;
  onToggle: (id: string) => void;
  onToggleAll: () => void;
}

export interface RowProps {
  task: TaskRow;
  checked: boolean;
  onToggle: (id: string) => void;
}

/** With any of these the browser opens a tab or a window. */
const isPlain = ({ metaKey, ctrlKey, shiftKey, altKey }: MouseEvent) =>
  !(metaKey || ctrlKey || shiftKey || altKey);

/** A plain link that the router follows: fifty of the router's own would each work out the address anew. */
export function Name({ task: { id, function: name } }: { task: TaskRow }) {
  const router = useRouter();
  const there = { to: "/tasks/$id", params: { id } } as const;
  const preload = () => void router.preloadRoute(there);
  const follow = (event: MouseEvent) => {
    if (!isPlain(event)) return;
    event.preventDefault();
    void router.navigate(there);
  };
  return (
    <a
      href={`${router.basepath}/tasks/${id}`}
      data-task={id}
      className={classes.name}
      onClick={follow}
      onPointerEnter={preload}
      onFocus={preload}
    >
      {name}
    </a>
  );
}

export function Preview({ task }: { task: TaskRow }) {
  const error = task.state === "cancelled" ? null : task.error;
  return (
    <div className={classes.args} title={error ?? task.arguments_preview}>
      {error ? <span className={classes.error}>{error}</span> : task.arguments_preview}
    </div>
  );
}

export const Pick = ({ task, checked, onToggle }: RowProps) => (
  <input
    type="checkbox"
    className={classes.pick}
    aria-label={`Select ${task.function} ${task.id.slice(-6)}`}
    checked={checked}
    onChange={() => onToggle(task.id)}
  />
);
