import { Typography } from "@mantine/core";
import MarkdownToJsx from "markdown-to-jsx";

/** What a task wrote as Markdown. Its HTML is shown as text: a task is no author of this page. */
export default function Markdown({ text }: { text: string }) {
  return (
    <Typography>
      <MarkdownToJsx options={{ disableParsingRawHTML: true, forceBlock: true }}>{text}</MarkdownToJsx>
    </Typography>
  );
}
