import { Code, CopyButton, UnstyledButton } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./copy.module.css";

/** Shows what it copies, or an icon only. */
export function Copy({ text, name, children }: { text: string; name: string; children?: ReactNode }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <UnstyledButton
          onClick={copy}
          aria-label={copied ? "Copied" : `Copy ${name}`}
          className={classes.copy}
        >
          {children} {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
        </UnstyledButton>
      )}
    </CopyButton>
  );
}

/** A block of code with a copy button in its corner. */
export function CodeBlock({ text, name, maxHeight }: { text: string; name: string; maxHeight?: number }) {
  return (
    <div className={classes.block}>
      <Code
        block
        tabIndex={0}
        className={classes.code}
        style={{ "--most-height": maxHeight && `${maxHeight}px` }}
        role="region"
        aria-label={name}
      >
        {text}
      </Code>
      <div className={classes.corner}>
        <Copy text={text} name={name} />
      </div>
    </div>
  );
}
