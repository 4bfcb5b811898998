import { NumberInput, Text, Title } from "@mantine/core";
import { withTheme } from "@rjsf/core";
import { Theme } from "@rjsf/mantine";
import type {
  ArrayFieldTitleProps,
  BaseInputTemplateProps,
  ErrorSchema,
  FieldErrorProps,
  RJSFSchema,
  TitleFieldProps,
} from "@rjsf/utils";
import { type ComponentType, type ReactNode, useMemo, useState } from "react";
import { simplifyNullable } from "./schema";
import { uiFor } from "./ui";
import validator from "./validator";

const Base = withTheme<Record<string, unknown>, RJSFSchema>(Theme);

/** rjsf's Mantine titles are h3/h4, which skips a level below our h1. */
const TitleField = ({ id, title, required }: TitleFieldProps<Record<string, unknown>, RJSFSchema>) =>
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

const DefaultFieldError = Theme.templates?.FieldErrorTemplate as ComponentType<
  FieldErrorProps<Record<string, unknown>, RJSFSchema>
>;
/** Inputs already show their own message; without this every error appears twice. */
const FieldError = (props: FieldErrorProps<Record<string, unknown>, RJSFSchema>) =>
  ["object", "array"].includes(String(props.schema.type)) ? <DefaultFieldError {...props} /> : null;

const ArrayTitle = ({ title, required }: ArrayFieldTitleProps<Record<string, unknown>, RJSFSchema>) =>
  title ? (
    <Text span fw={600} size="sm">
      {title}
      {required && " *"}
    </Text>
  ) : null;

type Data = Record<string, unknown>;
const DefaultInput = Theme.templates?.BaseInputTemplate as ComponentType<
  BaseInputTemplateProps<Data, RJSFSchema>
>;

/** Numbers keep what was typed (no silent clamping), so the error message can explain the limit. */
function BaseInput(props: BaseInputTemplateProps<Data, RJSFSchema>) {
  const {
    schema,
    id,
    label,
    required,
    value,
    disabled,
    readonly,
    onChange,
    onBlur,
    onFocus,
    rawErrors,
    options,
    placeholder,
    autofocus,
  } = props;
  const types = ([] as unknown[]).concat(schema.type);
  if (!types.some((t) => t === "integer" || t === "number")) return <DefaultInput {...props} />;
  return (
    <NumberInput
      id={id}
      name={id}
      label={label}
      required={required}
      description={options.description ?? schema.description}
      value={value ?? ""}
      disabled={disabled || readonly}
      placeholder={placeholder}
      min={schema.minimum}
      max={schema.maximum}
      allowDecimal={!types.includes("integer")}
      clampBehavior="none"
      autoFocus={autofocus}
      error={rawErrors?.[0]}
      onChange={(v) => onChange(v === "" ? (options.emptyValue ?? undefined) : v)}
      onBlur={(e) => onBlur(id, e.currentTarget.value)}
      onFocus={(e) => onFocus(id, e.currentTarget.value)}
    />
  );
}

const TEMPLATES = {
  BaseInputTemplate: BaseInput,
  FieldErrorTemplate: FieldError,
  TitleFieldTemplate: TitleField,
  ArrayFieldTitleTemplate: ArrayTitle,
};

interface SchemaFormProps {
  schema: RJSFSchema;
  initial?: Data;
  /** What the server said about the last submit, per field. */
  serverErrors?: ErrorSchema<Data>;
  onEdit?: () => void;
  onSubmit: (values: Data) => void;
  children: ReactNode;
}

export function SchemaForm({ schema, initial, serverErrors, onEdit, onSubmit, children }: SchemaFormProps) {
  const shown = useMemo(() => simplifyNullable(schema), [schema]);
  const uiSchema = useMemo(() => uiFor(shown), [shown]);
  // Held here: rjsf would fall back to its defaults when the server's errors arrive.
  const [draft, setDraft] = useState<Data>(initial ?? {});
  return (
    <Base
      schema={shown}
      formData={draft}
      validator={validator}
      noHtml5Validate
      showErrorList={false}
      focusOnFirstError
      onError={() => {}}
      extraErrors={serverErrors}
      templates={TEMPLATES}
      uiSchema={uiSchema}
      onChange={({ formData }) => {
        setDraft(formData ?? {});
        onEdit?.();
      }}
      onSubmit={({ formData }) => onSubmit(formData ?? {})}
    >
      {children}
    </Base>
  );
}
