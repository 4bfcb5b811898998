/** The browser's own pickers: known to everybody's fingers and screen reader, and no code to load. */
import { TextInput } from "@mantine/core";
import { localToUTC, type RJSFSchema, utcToLocal, type WidgetProps } from "@rjsf/utils";

type Props = WidgetProps<Record<string, unknown>, RJSFSchema>;

interface Kind {
  type: "date" | "time" | "datetime-local";
  toInput: (stored: string) => string;
  toStored: (typed: string) => string | undefined;
}

const same = (text: string) => text;
const DATE: Kind = { type: "date", toInput: same, toStored: same };
const TIME: Kind = { type: "time", toInput: same, toStored: (typed) => withSeconds(typed) };
/** Stored with its time zone, typed in the visitor's own. */
const INSTANT: Kind = { type: "datetime-local", toInput: utcToLocal, toStored: localToUTC };

const withSeconds = (time: string) => (/^\d\d:\d\d$/.test(time) ? `${time}:00` : time);

const widget = (kind: Kind) =>
  function DateInput(props: Props) {
    const { id, label, required, value, disabled, readonly, autofocus, rawErrors, options, schema } = props;
    return (
      <TextInput
        id={id}
        name={id}
        type={kind.type}
        step={kind.type === "date" ? undefined : 1}
        label={label}
        description={options.description ?? schema.description}
        required={required}
        disabled={disabled || readonly}
        autoFocus={autofocus}
        error={rawErrors?.join("\n")}
        value={typeof value === "string" ? kind.toInput(value) : ""}
        onChange={({ currentTarget: { value: typed } }) =>
          props.onChange(typed ? kind.toStored(typed) : options.emptyValue)
        }
        onBlur={(event) => props.onBlur(id, event.currentTarget.value)}
        onFocus={(event) => props.onFocus(id, event.currentTarget.value)}
      />
    );
  };

export const DateWidget = widget(DATE);
export const TimeWidget = widget(TIME);
export const DateTimeWidget = widget(INSTANT);
