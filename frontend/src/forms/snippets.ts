/** The same submit as a command and as Python, to be copied. */
import type { SubmitOptions } from "./options";

type Values = Record<string, unknown>;

const withoutUnset = (values: object) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** A word of a POSIX shell, quoted. */
const shellQuote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

export function asCurl(origin: string, name: string, values: Values, options: SubmitOptions): string {
  const body = { function: name, arguments: values, ...withoutUnset(options) };
  return [
    `curl ${origin}/api/tasks/`,
    "  -H 'Content-Type: application/json'",
    `  -d ${shellQuote(JSON.stringify(body))}`,
  ].join(" \\\n");
}

/** JSON, as Python writes it. */
export function pythonLiteral(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(", ")}]`;
  if (typeof value === "object")
    return `{${Object.entries(value)
      .map(([key, item]) => `${JSON.stringify(key)}: ${pythonLiteral(item)}`)
      .join(", ")}}`;
  return JSON.stringify(value);
}

export function asPython(path: string, values: Values, options: SubmitOptions): string {
  const [name = path] = path.split(".").slice(-1);
  const using = [
    options.queue !== undefined && `queue_name=${pythonLiteral(options.queue)}`,
    options.priority !== undefined && `priority=${pythonLiteral(options.priority)}`,
    options.run_after !== undefined &&
      `run_after=datetime.fromisoformat("${options.run_after.replace("Z", "+00:00")}")`,
  ].filter(Boolean);
  const call = Object.entries(withoutUnset(values)).map(([key, value]) => `${key}=${pythonLiteral(value)}`);
  return [
    ...(options.run_after === undefined ? [] : ["from datetime import datetime"]),
    `from ${path.slice(0, -name.length - 1)} import ${name}`,
    "",
    `${name}${using.length > 0 ? `.using(${using.join(", ")})` : ""}.enqueue(${call.join(", ")})`,
  ].join("\n");
}
