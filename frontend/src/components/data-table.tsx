import type { CSSProperties, ReactNode } from "react";
import classes from "./data-table.module.css";

interface Props {
  label: string;
  /** In pixels: narrower pages scroll the table, not themselves. */
  minWidth?: number;
  /** Columns as wide as their headings say, whatever the cells hold: a change of one measures no other. */
  fixed?: boolean;
  head?: ReactNode;
  busy?: boolean;
  /** On a phone each row is a card; its cells say by `data-title` what they are. */
  cards?: boolean;
  children: ReactNode;
}

/** A plain table with our looks. `head` and `children` are rows. */
export function DataTable({ label, minWidth, fixed, head, busy, cards, children }: Props) {
  const width = { "--least-width": minWidth && `${minWidth}px` } as CSSProperties;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reachable by keyboard
    <section className={`${classes.scroll} ${cards ? classes.cards : ""}`} aria-label={label} tabIndex={0}>
      <table
        className={`${classes.table} ${fixed ? classes.fixed : ""}`}
        style={width}
        aria-label={label}
        aria-busy={busy}
      >
        {head && <thead>{head}</thead>}
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

interface HeadingsProps {
  titles: readonly string[];
  /** In pixels; a column without takes what is left. */
  widths?: readonly (number | undefined)[];
}

export const Headings = ({ titles, widths }: HeadingsProps) =>
  titles.map((title, index) => (
    <th key={title} scope="col" style={{ width: widths?.[index] }}>
      {title}
    </th>
  ));
