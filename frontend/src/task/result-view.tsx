import { Button, Group, Image, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { lazyRouteComponent } from "@tanstack/react-router";
import { Suspense } from "react";
import { api } from "../api/client";
import type { TaskDetail } from "../api/types";
import { CodeBlock, Copy } from "../components/copy";
import { DataTable, Headings } from "../components/data-table";
import { Problem } from "../components/problem";
import { JsonTree } from "./json-tree";

const MAX_ROWS = 200;
const MOST_PREVIEW_LETTERS = 100_000;
type Flat = Record<string, string | number | boolean | null>;

const Markdown = lazyRouteComponent(() => import("./markdown"));

const mediaType = (result: unknown): string | null => {
  const type = (result as { $media?: unknown } | null)?.$media;
  return typeof type === "string" ? type : null;
};

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

const Download = ({ href, name }: { href: string; name: string }) => (
  <Button
    component="a"
    href={href}
    download={name}
    size="compact-sm"
    variant="default"
    leftSection={<IconDownload size={14} />}
  >
    Download
  </Button>
);

const Prose = ({ text }: { text: string }) => (
  <Suspense>
    <Markdown text={text} />
  </Suspense>
);

/** A file of text is shown, not only offered. */
function TextFile({ url, type }: { url: string; type: string }) {
  const {
    data: text,
    error,
    refetch,
  } = useQuery({
    queryKey: ["file", url],
    queryFn: async ({ signal }) => (await api.file(url, signal)).slice(0, MOST_PREVIEW_LETTERS),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (error) return <Problem error={error} onRetry={() => void refetch()} />;
  if (text === undefined) return null;
  if (type.startsWith("text/markdown")) return <Prose text={text} />;
  return <CodeBlock text={text} name="the text" maxHeight={420} />;
}

function Media({ url, type, name }: { url: string; type: string; name: string }) {
  return (
    <>
      {type.startsWith("image/") && (
        <Image src={url} alt={`Result of ${name}`} maw={800} w="auto" fit="contain" radius="sm" />
      )}
      {type.startsWith("text/") && <TextFile url={url} type={type} />}
      <Group mt="sm" gap="sm" className="no-print">
        <Download href={url} name={name} />
        <Text size="sm" c="dimmed">
          {type}
        </Text>
      </Group>
    </>
  );
}

function Value({ result, kind }: { result: unknown; kind: TaskDetail["result_kind"] }) {
  if (kind === "markdown") return <Prose text={String(result)} />;
  if (kind === "table") return <Rows rows={result as Flat[]} />;
  if (typeof result === "string")
    return (
      <Text data-testid="result" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
        {result}
      </Text>
    );
  if (typeof result === "number" || typeof result === "boolean")
    return (
      <Text data-testid="result" size="1.75rem" fw={650} style={{ fontVariantNumeric: "tabular-nums" }}>
        {String(result)}
      </Text>
    );
  return <JsonTree value={result} />;
}

export function ResultView({ task }: { task: TaskDetail }) {
  const { result, result_url: url } = task;
  if (url) {
    // A retry keeps the address but not the picture.
    const version = `${url}?attempt=${task.attempt}`;
    return <Media url={version} type={mediaType(result) ?? ""} name={task.function} />;
  }
  if (result === null) return <Text c="dimmed">The task returned nothing.</Text>;
  const text = typeof result === "string" ? result : JSON.stringify(result, null, 2);
  const [type, ending] = typeof result === "string" ? ["text/plain", "txt"] : ["application/json", "json"];
  const file = `data:${type};charset=utf-8,${encodeURIComponent(text)}`;
  return (
    <>
      <Value result={result} kind={task.result_kind} />
      <Group mt="sm" gap="sm" className="no-print">
        <Download href={file} name={`${task.function}-${task.id.slice(-6)}.${ending}`} />
        <Copy text={text} name="the result">
          Copy
        </Copy>
      </Group>
    </>
  );
}
