import { Button } from "@mantine/core";
import { IconArrowDown } from "@tabler/icons-react";
import { memo, useLayoutEffect, useRef } from "react";
import type { LogLine } from "../api/types";
import { partsOf, rankOf } from "./log-lines";
import classes from "./task-log.module.css";

const PART_LINES = 100;
/** How near to its end a log counts as read to the end, in pixels. */
const NEAR = 24;

const clock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

function Line({ line }: { line: LogLine }) {
  return (
    <div className={classes.line} data-rank={rankOf(line.level)}>
      <time className={classes.at} dateTime={line.at} title={new Date(line.at).toLocaleString()}>
        {clock.format(new Date(line.at))}
      </time>
      <span className={classes.level} title={line.level}>
        <span aria-hidden>{line.level.startsWith("STD") ? ">" : line.level[0]}</span>
        <span className="sr-only">{line.level}</span>
      </span>
      <span className={classes.text}>{line.text}</span>
    </div>
  );
}

/** Drawn again only when lines were added to it: the others of a long log cost nothing. */
const Part = memo(
  ({ lines }: { lines: readonly LogLine[] }) => (
    <div className={classes.part}>
      {lines.map((line) => (
        <Line key={line.seq} line={line} />
      ))}
    </div>
  ),
  (before, after) =>
    before.lines.length === after.lines.length &&
    before.lines[0] === after.lines[0] &&
    before.lines.at(-1) === after.lines.at(-1),
);

interface Props {
  lines: readonly LogLine[];
  follows: boolean;
  onFollow: (follows: boolean) => void;
}

/** Scrolling up stops following; scrolling to the end goes on with it. */
export function LogPane({ lines, follows, onFollow }: Props) {
  const pane = useRef<HTMLDivElement>(null);
  const last = lines.at(-1)?.seq;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new last line is what there is to follow
  useLayoutEffect(() => {
    if (follows && pane.current) pane.current.scrollTop = pane.current.scrollHeight;
  }, [follows, last]);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = pane.current ?? document.body;
    const isAtEnd = scrollHeight - scrollTop - clientHeight <= NEAR;
    if (isAtEnd !== follows) onFollow(isAtEnd);
  };
  return (
    <div className={classes.foot}>
      <div
        ref={pane}
        className={classes.pane}
        role="log"
        aria-label="Log"
        aria-live={follows ? "polite" : "off"}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        onScroll={onScroll}
      >
        {partsOf(lines, PART_LINES).map((part) => (
          <Part key={part[0]?.seq} lines={part} />
        ))}
      </div>
      {!follows && (
        <Button
          className={classes.latest}
          size="compact-xs"
          leftSection={<IconArrowDown size={13} />}
          onClick={() => onFollow(true)}
        >
          Jump to latest
        </Button>
      )}
    </div>
  );
}
