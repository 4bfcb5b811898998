import type { ErrorSchema, RJSFSchema } from "@rjsf/utils";
import { type ReactNode, useMemo, useState } from "react";
import { type Data, ThemedForm } from "./rjsf-theme";
import { simplifyNullable } from "./schema";
import { uiFor } from "./ui";
import validator from "./validator";

interface SchemaFormProps {
  schema: RJSFSchema;
  initial?: Data;
  /** What the server said about the last submit, per field. */
  serverErrors?: ErrorSchema<Data>;
  onEdit?: (values: Data) => void;
  onSubmit: (values: Data) => void;
  children: ReactNode;
}

export function SchemaForm({ schema, initial, serverErrors, onEdit, onSubmit, children }: SchemaFormProps) {
  const shown = useMemo(() => simplifyNullable(schema), [schema]);
  const uiSchema = useMemo(() => uiFor(shown), [shown]);
  // Held here: rjsf would fall back to its defaults when the server's errors arrive.
  const [draft, setDraft] = useState<Data>(initial ?? {});
  return (
    <ThemedForm
      schema={shown}
      formData={draft}
      validator={validator}
      noHtml5Validate
      showErrorList={false}
      focusOnFirstError
      onError={() => {}}
      extraErrors={serverErrors}
      uiSchema={uiSchema}
      onChange={({ formData }) => {
        setDraft(formData ?? {});
        onEdit?.(formData ?? {});
      }}
      onSubmit={({ formData }) => onSubmit(formData ?? {})}
    >
      {children}
    </ThemedForm>
  );
}
