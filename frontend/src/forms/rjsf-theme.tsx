/** rjsf's Mantine theme in the parts we use: no colour picker, no date library, accessible titles. */
import { Box, Button, Flex, Text, TextInput, Title } from "@mantine/core";
import { type ThemeProps, withTheme } from "@rjsf/core";
import { generateTemplates } from "@rjsf/mantine/lib/templates/index.js";
import CheckboxesWidget from "@rjsf/mantine/lib/widgets/CheckboxesWidget.js";
import CheckboxWidget from "@rjsf/mantine/lib/widgets/CheckboxWidget.js";
import PasswordWidget from "@rjsf/mantine/lib/widgets/PasswordWidget.js";
import RadioWidget from "@rjsf/mantine/lib/widgets/RadioWidget.js";
import SelectWidget from "@rjsf/mantine/lib/widgets/SelectWidget.js";
import TextareaWidget from "@rjsf/mantine/lib/widgets/TextareaWidget.js";
import {
  ADDITIONAL_PROPERTY_FLAG,
  type ArrayFieldTitleProps,
  type BaseInputTemplateProps,
  buttonId,
  type FieldErrorProps,
  type FieldProps,
  type IconButtonProps,
  type RJSFSchema,
  type TitleFieldProps,
  type WrapIfAdditionalTemplateProps,
} from "@rjsf/utils";
import { IconPlus } from "@tabler/icons-react";
import type { ComponentType } from "react";
import { DateTimeWidget, DateWidget, TimeWidget } from "./date-widgets";
import { NumberInput } from "./number-input";
import { CodeWidget, JsonWidget } from "./text-widgets";

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

/** Inputs show their own message; a group of fields has it below, where focus can be put on it. */
const FieldError = ({ schema, errors }: FieldErrorProps<Data, RJSFSchema>) => {
  const types = ([] as unknown[]).concat(schema.type);
  if (!errors?.length || !types.some((type) => type === "object" || type === "array")) return null;
  return (
    <Text c="var(--mantine-color-error)" size="xs" mt={5} tabIndex={-1} data-refused>
      {errors.join("\n")}
    </Text>
  );
};

const ArrayTitle = ({ title, required }: ArrayFieldTitleProps<Data, RJSFSchema>) =>
  title ? (
    <Text span fw={600} size="sm">
      {title}
      {required && " *"}
    </Text>
  ) : null;

const AddButton = ({ id, disabled, onClick }: IconButtonProps<Data, RJSFSchema>) => (
  <Button
    id={id}
    disabled={disabled}
    onClick={onClick}
    size="compact-sm"
    variant="default"
    leftSection={<IconPlus size={14} />}
  >
    Add
  </Button>
);

/** An entry of a mapping: its key beside its value. */
function Entry(props: WrapIfAdditionalTemplateProps<Data, RJSFSchema>) {
  const { id, label, schema, uiSchema, registry, children } = props;
  if (!(ADDITIONAL_PROPERTY_FLAG in schema)) return <div>{children}</div>;
  const { RemoveButton } = registry.templates.ButtonTemplates;
  return (
    <Flex gap="xs" align="flex-start" wrap="nowrap">
      <TextInput
        key={label}
        flex={1}
        miw={0}
        id={`${id}-key`}
        label="Key"
        description={schema.description && "\u00a0"}
        defaultValue={label}
        required
        onBlur={props.onKeyRenameBlur}
      />
      <Box flex={1} miw={0}>
        {children}
      </Box>
      <Box mt={schema.description ? 48 : 30}>
        <RemoveButton
          id={buttonId(id, "remove")}
          iconType="sm"
          uiSchema={uiSchema}
          registry={registry}
          onClick={props.onRemoveProperty}
        />
      </Box>
    </Flex>
  );
}

const StockInput = stock.BaseInputTemplate as ComponentType<BaseInputTemplateProps<Data, RJSFSchema>>;

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
      value={value}
      disabled={disabled || readonly}
      placeholder={props.placeholder}
      min={schema.minimum}
      max={schema.maximum}
      step={schema.multipleOf}
      isWhole={types.includes("integer")}
      autoFocus={props.autofocus}
      error={rawErrors?.join("\n")}
      onChange={(number) => props.onChange(number ?? options.emptyValue)}
      onBlur={(event) => props.onBlur(id, event.currentTarget.value)}
      onFocus={(event) => props.onFocus(id, event.currentTarget.value)}
    />
  );
}

/** rjsf's own rewrites what is typed by the browser's locale: 3.5 becomes 35 where a comma stands for the point. */
const NumberField = (props: FieldProps<Data, RJSFSchema>) => {
  const { StringField } = props.registry.fields;
  return StringField ? <StringField {...props} /> : null;
};

const theme: ThemeProps<Data, RJSFSchema> = {
  fields: { NumberField },
  templates: {
    ...stock,
    BaseInputTemplate: BaseInput,
    FieldErrorTemplate: FieldError,
    TitleFieldTemplate: TitleField,
    ArrayFieldTitleTemplate: ArrayTitle,
    WrapIfAdditionalTemplate: Entry,
    ButtonTemplates: { ...stock.ButtonTemplates, AddButton },
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
    // by the format of the schema
    decimal: CodeWidget,
    duration: CodeWidget,
    uuid: CodeWidget,
    json: JsonWidget,
  },
};

export const ThemedForm = withTheme<Data, RJSFSchema>(theme);
