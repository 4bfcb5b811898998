import type { ReactNode } from "react";

/** Stands in for markdown-to-jsx: descriptions come from docstrings and are shown as they are. */
export const Markdown = ({ children }: { children?: ReactNode }) => <>{children}</>;
