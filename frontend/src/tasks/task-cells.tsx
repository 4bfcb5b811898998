import { Link } from "@tanstack/react-router";
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

export function Name({ task }: { task: TaskRow }) {
  return (
    <Link to="/tasks/$id" params={{ id: task.id }} data-task={task.id} className={classes.name}>
      {task.function}
    </Link>
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
