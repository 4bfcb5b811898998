import type { ErrorSchema } from "@rjsf/utils";
import type { FieldError } from "../api/types";

type Values = Record<string, unknown>;
interface Node {
  __errors?: string[];
  [key: string]: Node | string[] | undefined;
}

const PREFIX = "arguments.";

/** Sorts the server's errors into those a field of the form can show and the rest. */
export function mapFieldErrors(errors: readonly FieldError[], schema: Values) {
  const fields = new Set(Object.keys((schema.properties as Values | undefined) ?? {}));
  const root: Node = {};
  const rest: FieldError[] = [];
  for (const error of errors) {
    const path = (error.field.startsWith(PREFIX) ? error.field.slice(PREFIX.length) : error.field).split(".");
    if (!fields.has(path[0] ?? "")) {
      rest.push(error);
      continue;
    }
    let node = root;
    for (const part of path) {
      const child = (node[part] as Node | undefined) ?? {};
      node[part] = child;
      node = child;
    }
    node.__errors = [...(node.__errors ?? []), error.message];
  }
  return { byField: root as ErrorSchema<Values>, rest };
}
