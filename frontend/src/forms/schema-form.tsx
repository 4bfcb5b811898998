import type { ErrorSchema, RJSFSchema } from "@rjsf/utils";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { type Data, ThemedForm } from "./rjsf-theme";
import { shapeForForm } from "./schema";
import { uiFor } from "./ui";
import validator from "./validator";

interface SchemaFormProps {
  schema: RJSFSchema;
  initial?: Data;
  /** What the server said about the last submit, per field. The form itself checks nothing. */
  serverErrors: ErrorSchema<Data>;
  onEdit?: (values: Data) => void;
  onSubmit: (values: Data) => void;
  children: ReactNode;
}

/** Where the server refused a field, the first of them takes the focus. */
function useFocusOnRefusal(errors: ErrorSchema<Data>) {
  const form = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (Object.keys(errors).length > 0)
      form.current?.querySelector<HTMLElement>("[aria-invalid=true], [data-refused]")?.focus();
  }, [errors]);
  return form;
}

export function SchemaForm({ schema, initial, serverErrors, onEdit, onSubmit, children }: SchemaFormProps) {
  const shown = useMemo(() => shapeForForm(schema), [schema]);
  const uiSchema = useMemo(() => uiFor(shown), [shown]);
  const form = useFocusOnRefusal(serverErrors);
  // Held here: rjsf would fall back to its defaults when the server's errors arrive.
  const [draft, setDraft] = useState<Data>(initial ?? {});
  return (
    <div ref={form}>
      <ThemedForm
        schema={shown}
        formData={draft}
        validator={validator}
        noValidate
        noHtml5Validate
        showErrorList={false}
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
    </div>
  );
}
