import { Button } from "@mantine/core";
import { type ReactNode, useState } from "react";
import classes from "./json-tree.module.css";

const MOST_ITEMS = 100;
/** Deeper levels begin folded, and so do long lists. */
const OPEN_DEPTH = 2;
const OPEN_ITEMS = 30;

type Items = [string, unknown][];

const itemsOf = (value: object): Items =>
  Array.isArray(value) ? value.map((v, i) => [String(i), v]) : Object.entries(value);

function summary(value: object): string {
  const count = Array.isArray(value) ? value.length : Object.keys(value).length;
  const noun = Array.isArray(value) ? ["item", "items"] : ["key", "keys"];
  return `${count} ${count === 1 ? noun[0] : noun[1]}`;
}

function Leaf({ value }: { value: unknown }) {
  const kind = value === null ? "null" : typeof value;
  return <span data-kind={kind}>{JSON.stringify(value)}</span>;
}

function Branch({ label, value, depth }: { label: ReactNode; value: object; depth: number }) {
  const [shown, setShown] = useState(MOST_ITEMS);
  const items = itemsOf(value);
  const [open, setOpen] = useState(depth < OPEN_DEPTH && items.length <= OPEN_ITEMS);
  if (items.length === 0)
    return (
      <div>
        {label} {Array.isArray(value) ? "[]" : "{}"}
      </div>
    );
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {label} <span className={classes.quiet}>{summary(value)}</span>
      </summary>
      {open && (
        <div className={classes.inside}>
          {items.slice(0, shown).map(([name, item]) => (
            <JsonNode key={name} name={name} value={item} depth={depth + 1} />
          ))}
          {items.length > shown && (
            <Button size="compact-xs" variant="subtle" onClick={() => setShown(shown + MOST_ITEMS)}>
              Show more of {items.length}
            </Button>
          )}
        </div>
      )}
    </details>
  );
}

function JsonNode({ name, value, depth }: { name?: string; value: unknown; depth: number }) {
  const label = name === undefined ? null : <span className={classes.name}>{name}</span>;
  if (typeof value === "object" && value !== null)
    return <Branch label={label} value={value} depth={depth} />;
  return (
    <div>
      {label}
      {label && " "}
      <Leaf value={value} />
    </div>
  );
}

/** A JSON value to unfold. Integers stay exact: the server takes none beyond 2^53. */
export const JsonTree = ({ value }: { value: unknown }) => (
  <div className={classes.tree}>
    <JsonNode value={value} depth={0} />
  </div>
);
