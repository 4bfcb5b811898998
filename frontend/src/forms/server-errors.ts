import type { ErrorSchema } from "@rjsf/utils";
import type { FieldError } from "../api/types";

type Values = Record<string, unknown>;
interface Node {
  __errors?: string[];
  [key: string]: Node | string[] | undefined;
}
type Path = readonly string[];

const PREFIX = "arguments.";

const pathOf = ({ field }: FieldError) =>
  (field.startsWith(PREFIX) ? field.slice(PREFIX.length) : field).split(".");

export const argumentField = (name: string) => `${PREFIX}${name}`;

/** The argument or option that an error is about. */
export const ownerOf = (error: FieldError) =>
  error.field.startsWith(PREFIX) ? argumentField(pathOf(error)[0] ?? "") : error.field;

export const changedNames = (before: Values, after: Values) =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => before[name] !== after[name],
  );

/** Whether the form draws something under this path. rjsf writes paths into the ids of its elements. */
const isDrawn = (path: Path) => document.getElementById(["root", ...path].join("_")) !== null;

/** Sorts the server's errors into those a field of the form can show and the rest.
 *
 * A path may end with what is no field, such as the branch of a union: the nearest field around shows it.
 */
export function mapFieldErrors(
  errors: readonly FieldError[],
  schema: Values,
  isField: (path: Path) => boolean = isDrawn,
) {
  const fields = new Set(Object.keys((schema.properties as Values | undefined) ?? {}));
  const root: Node = {};
  const rest: FieldError[] = [];
  for (const error of errors) {
    const path = pathOf(error);
    if (!fields.has(path[0] ?? "")) {
      rest.push(error);
      continue;
    }
    while (path.length > 1 && !isField(path)) path.pop();
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
