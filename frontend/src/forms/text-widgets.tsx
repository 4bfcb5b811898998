/** One line of text for what has no picker in a browser: decimals, durations, ids, and any JSON at all. */
import { Textarea, TextInput } from "@mantine/core";
import type { RJSFSchema, WidgetProps } from "@rjsf/utils";
import { useState } from "react";

type Props = WidgetProps<Record<string, unknown>, RJSFSchema>;

const shared = ({
  id,
  label,
  required,
  disabled,
  readonly,
  autofocus,
  rawErrors,
  options,
  schema,
}: Props) => ({
  id,
  name: id,
  label,
  required,
  description: options.description ?? schema.description,
  disabled: disabled || readonly,
  autoFocus: autofocus,
  error: rawErrors?.join("\n"),
});

const monospace = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };

export function CodeWidget(props: Props) {
  const { value, options } = props;
  return (
    <TextInput
      {...shared(props)}
      styles={monospace}
      spellCheck={false}
      autoComplete="off"
      value={value === undefined || value === null ? "" : String(value)}
      onChange={({ currentTarget: { value: typed } }) => props.onChange(typed || options.emptyValue)}
    />
  );
}

/** What was typed, as JSON; words that are no JSON are text. */
function parsed(typed: string): unknown {
  try {
    return JSON.parse(typed);
  } catch {
    return typed || undefined;
  }
}

export function JsonWidget(props: Props) {
  const { value } = props;
  const [typed, setTyped] = useState(value === undefined ? "" : JSON.stringify(value));
  return (
    <Textarea
      {...shared(props)}
      styles={monospace}
      autosize
      minRows={2}
      maxRows={12}
      spellCheck={false}
      value={typed}
      onChange={({ currentTarget: { value: text } }) => {
        setTyped(text);
        props.onChange(parsed(text));
      }}
    />
  );
}
