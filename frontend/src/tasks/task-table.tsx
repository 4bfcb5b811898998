import { memo } from "react";
import { DataTable, Headings } from "../components/data-table";
import { TaskProgress } from "../components/progress";
import { StateBadge } from "../components/states";
import { RunTime, TimeAgo } from "../components/time";
import { Name, Pick, Preview, type RowProps, type RowsProps } from "./task-cells";
import classes from "./task-table.module.css";
import { useSlots } from "./use-slots";

const Row = memo(function Row({ task, checked, onToggle }: RowProps) {
  return (
    <tr data-selected={checked || undefined} className={classes.row}>
      <td>
        <Pick task={task} checked={checked} onToggle={onToggle} />
      </td>
      <td>
        <StateBadge task={task} />
      </td>
      <td>
        <Name task={task} />
        <Preview task={task} />
      </td>
      <td>
        <code className={classes.queue}>{task.queue}</code>
      </td>
      <td>
        <TaskProgress task={task} />
      </td>
      <td className={classes.num}>
        {Math.min(task.failures + 1, task.max_attempts)}/{task.max_attempts}
      </td>
      <td className={classes.num}>
        <TimeAgo at={task.created_at} />
      </td>
      <td className={classes.num}>
        <RunTime task={task} />
      </td>
    </tr>
  );
});

const TITLES = ["State", "Task", "Queue", "Progress", "Attempt", "Submitted", "Duration"];
const COLUMNS = "36px 128px minmax(0, 1fr) 110px 150px 78px 110px 90px";

export const TaskTable = memo(function TaskTable({
  tasks,
  busy,
  selected,
  onToggle,
  onToggleAll,
}: RowsProps) {
  const some = tasks.some(({ id }) => selected.has(id));
  const all = some && tasks.every(({ id }) => selected.has(id));
  const slots = useSlots(tasks);
  return (
    <DataTable
      label="Tasks table"
      minWidth={860}
      columns={COLUMNS}
      busy={busy}
      head={
        <tr>
          <td>
            <input
              type="checkbox"
              className={classes.pick}
              aria-label="Select all tasks shown"
              checked={all}
              ref={(box) => {
                if (box) box.indeterminate = some && !all;
              }}
              onChange={onToggleAll}
            />
          </td>
          <Headings titles={TITLES} />
        </tr>
      }
    >
      {tasks.map((task, index) => (
        <Row key={slots[index]} task={task} checked={selected.has(task.id)} onToggle={onToggle} />
      ))}
    </DataTable>
  );
});
