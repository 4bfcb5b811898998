import type { CSSProperties, ReactNode } from "react";
import classes from "./data-table.module.css";

interface Props {
  label: string;
  /** In pixels: narrower pages scroll the table, not themselves. */
  minWidth?: number;
  /** A grid template. Each row then stands for itself: one out of sight costs no style, layout or paint. */
  columns?: string;
  head?: ReactNode;
  busy?: boolean;
  /** On a phone each row is a card; its cells say by `data-title` what they are. */
  cards?: boolean;
  children: ReactNode;
}

/** A plain table with our looks. `head` and `children` are rows. */
export function DataTable({ label, minWidth, columns, head, busy, cards, children }: Props) {
  const sizes = { "--least-width": minWidth && `${minWidth}px`, "--columns": columns } as CSSProperties;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reachable by keyboard
    <section className={`${classes.scroll} ${cards ? classes.cards : ""}`} aria-label={label} tabIndex={0}>
      <table
        className={`${classes.table} ${columns ? classes.grid : ""}`}
        style={sizes}
        aria-label={label}
        aria-busy={busy}
      >
        {head && <thead>{head}</thead>}
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

export const Headings = ({ titles }: { titles: readonly string[] }) =>
  titles.map((title) => (
    <th key={title} scope="col">
      {title}
    </th>
  ));
