import { Code, Image, Text } from "@mantine/core";
import type { TaskDetail } from "../api/types";
import { DataTable, Headings } from "./data-table";

const MAX_ROWS = 200;
type Flat = Record<string, string | number | boolean | null>;

const isFlat = (value: unknown): value is Flat =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((v) => v === null || typeof v !== "object");

/** A list of flat objects reads best as a table. */
export const isTable = (value: unknown): value is Flat[] =>
  Array.isArray(value) && value.length > 0 && value.every(isFlat);

export const mediaType = (result: unknown): string | null => {
  const type = (result as { $media?: unknown } | null)?.$media;
  return typeof type === "string" ? type : null;
};

export const Json = ({ value }: { value: unknown }) => (
  <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
    {JSON.stringify(value, null, 2)}
  </Code>
);

function Rows({ rows }: { rows: Flat[] }) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return (
    <>
      <DataTable
        label="Result"
        minWidth={Math.min(columns.length * 110, 700)}
        head={
          <tr>
            <Headings titles={columns} />
          </tr>
        }
      >
        {rows.slice(0, MAX_ROWS).map((row, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a result never changes its order
          <tr key={index}>
            {columns.map((column) => (
              <td key={column}>{String(row[column] ?? "")}</td>
            ))}
          </tr>
        ))}
      </DataTable>
      {rows.length > MAX_ROWS && (
        <Text size="sm" c="dimmed" mt="xs">
          The first {MAX_ROWS} of {rows.length} rows.
        </Text>
      )}
    </>
  );
}

function Media({ url, type, name }: { url: string; type: string; name: string }) {
  if (type.startsWith("image/"))
    return <Image src={url} alt={`Result of ${name}`} maw={800} w="auto" fit="contain" radius="sm" />;
  return (
    <a href={url} download>
      Download the result ({type})
    </a>
  );
}

export function ResultView({ task }: { task: TaskDetail }) {
  const { result, result_url: url } = task;
  if (url) {
    // A retry keeps the address but not the picture.
    const version = `${url}?attempt=${task.attempt}`;
    return <Media url={version} type={mediaType(result) ?? ""} name={task.function} />;
  }
  if (typeof result === "number" || typeof result === "boolean" || typeof result === "string")
    return (
      <Text
        data-testid="result"
        size={typeof result === "string" ? "md" : "1.75rem"}
        fw={typeof result === "string" ? 400 : 650}
        style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere", fontVariantNumeric: "tabular-nums" }}
      >
        {String(result)}
      </Text>
    );
  if (isTable(result)) return <Rows rows={result} />;
  return result === null ? <Text c="dimmed">The task returned nothing.</Text> : <Json value={result} />;
}
