/** rjsf's Mantine theme in the parts we use: no colour picker, no date library, accessible titles. */
import { NumberInput, Text, Title } from "@mantine/core";
import { type ThemeProps, withTheme } from "@rjsf/core";
import { generateTemplates } from "@rjsf/mantine/lib/templates/index.js";
import CheckboxesWidget from "@rjsf/mantine/lib/widgets/CheckboxesWidget.js";
import CheckboxWidget from "@rjsf/mantine/lib/widgets/CheckboxWidget.js";
import PasswordWidget from "@rjsf/mantine/lib/widgets/PasswordWidget.js";
import RadioWidget from "@rjsf/mantine/lib/widgets/RadioWidget.js";
import SelectWidget from "@rjsf/mantine/lib/widgets/SelectWidget.js";
import TextareaWidget from "@rjsf/mantine/lib/widgets/TextareaWidget.js";
import type {
  ArrayFieldTitleProps,
  BaseInputTemplateProps,
  FieldErrorProps,
  RJSFSchema,
  TitleFieldProps,
} from "@rjsf/utils";
import type { ComponentType } from "react";
import { DateTimeWidget, DateWidget, TimeWidget } from "./date-widgets";

export type Data = Record<string, unknown>;

const stock = generateTemplates<Data, RJSFSchema>();

/** rjsf's Mantine titles are h3/h4, which skips a level below our h1. */
const TitleField = ({ id, title, required }: TitleFieldProps<Data, RJSFSchema>) =>
  title ? (
    <Title id={id} order={2} size="h5" mt="xs">
      {title}
      {required && (
        <Text span c="red" aria-hidden>
          {" "}
          *
        </Text>
      )}
    </Title>
  ) : null;

const StockFieldError = stock.FieldErrorTemplate as ComponentType<FieldErrorProps<Data, RJSFSchema>>;
/** Inputs already show their own message; without this every error appears twice. */
const FieldError = (props: FieldErrorProps<Data, RJSFSchema>) =>
  ["object", "array"].includes(String(props.schema.type)) ? <StockFieldError {...props} /> : null;

const ArrayTitle = ({ title, required }: ArrayFieldTitleProps<Data, RJSFSchema>) =>
  title ? (
    <Text span fw={600} size="sm">
      {title}
      {required && " *"}
    </Text>
  ) : null;

const StockInput = stock.BaseInputTemplate as ComponentType<BaseInputTemplateProps<Data, RJSFSchema>>;

/** Numbers keep what was typed (no silent clamping), so the error message can explain the limit. */
function BaseInput(props: BaseInputTemplateProps<Data, RJSFSchema>) {
  const { schema, id, label, required, value, disabled, readonly, rawErrors, options } = props;
  const types = ([] as unknown[]).concat(schema.type);
  if (!types.some((type) => type === "integer" || type === "number")) return <StockInput {...props} />;
  return (
    <NumberInput
      id={id}
      name={id}
      label={label}
      required={required}
      description={options.description ?? schema.description}
      value={value ?? ""}
      disabled={disabled || readonly}
      placeholder={props.placeholder}
      min={schema.minimum}
      max={schema.maximum}
      allowDecimal={!types.includes("integer")}
      clampBehavior="none"
      autoFocus={props.autofocus}
      error={rawErrors?.[0]}
      onChange={(number) => props.onChange(number === "" ? (options.emptyValue ?? undefined) : number)}
      onBlur={(event) => props.onBlur(id, event.currentTarget.value)}
      onFocus={(event) => props.onFocus(id, event.currentTarget.value)}
    />
  );
}

const theme: ThemeProps<Data, RJSFSchema> = {
  templates: {
    ...stock,
    BaseInputTemplate: BaseInput,
    FieldErrorTemplate: FieldError,
    TitleFieldTemplate: TitleField,
    ArrayFieldTitleTemplate: ArrayTitle,
  },
  widgets: {
    CheckboxesWidget,
    CheckboxWidget,
    PasswordWidget,
    RadioWidget,
    SelectWidget,
    TextareaWidget,
    DateWidget,
    DateTimeWidget,
    TimeWidget,
  },
};

export const ThemedForm = withTheme<Data, RJSFSchema>(theme);
