import { Button, Group, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { IconDownload, IconSearch } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api } from "../api/client";
import { TERMINAL } from "../api/events";
import { keys } from "../api/queries";
import { refetchMs } from "../api/status";
import type { TaskDetail } from "../api/types";
import { Problem } from "../components/problem";
import { LEVELS, type Least, type Log, NO_LOG, shownLines, withPage } from "./log-lines";
import { LogPane } from "./log-pane";

const exact = Intl.NumberFormat("en");
const LEVEL_WORDS: Record<Least, string> = {
  all: "All levels",
  info: "Info and above",
  warning: "Warnings and errors",
  error: "Errors",
};

/** Only what is new is fetched: the lines known so far stay. */
function useLog(task: TaskDetail, attempt: number) {
  const cache = useQueryClient();
  const key = keys.log(task.id, attempt);
  return useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      let log = cache.getQueryData<Log>(key) ?? NO_LOG;
      for (;;) {
        const page = await api.log(task.id, attempt, log.lines.at(-1)?.seq ?? 0, signal);
        log = withPage(log, page);
        if (page.next === null) return log;
      }
    },
    structuralSharing: false,
    // another attempt's lines stay until the chosen one's are here: an empty pane would move the page
    placeholderData: (before, query) => (query?.queryKey[1] === task.id ? before : undefined),
    // the last lines may come after the end
    refetchInterval: attempt === task.attempt ? refetchMs : false,
  });
}

const attemptsUpTo = (last: number) =>
  Array.from({ length: last }, (_, index) => ({
    value: String(last - index),
    label: `Attempt ${last - index}`,
  }));

/** What an attempt logged and printed, as it comes. */
export function TaskLog({ task }: { task: TaskDetail }) {
  const [chosen, setChosen] = useState<number | null>(null);
  const [least, setLeast] = useState<Least>("all");
  const [words, setWords] = useState("");
  const [follows, setFollows] = useState(true);
  const attempt = chosen ?? task.attempt;
  const { data: log, error, refetch, isPlaceholderData } = useLog(task, attempt);
  const lines = log?.lines ?? NO_LOG.lines;
  const shown = useMemo(() => shownLines(lines, least, words), [lines, least, words]);
  const filtered = shown.length < lines.length;
  return (
    <Stack gap="xs">
      <Group gap="xs">
        <TextInput
          type="search"
          size="xs"
          aria-label="Find in the log"
          placeholder="Find in the log"
          leftSection={<IconSearch size={14} />}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
          flex={1}
          miw={140}
        />
        <NativeSelect
          size="xs"
          aria-label="Least level"
          value={least}
          onChange={(event) => setLeast(event.currentTarget.value as Least)}
          data={LEVELS.map((value) => ({ value, label: LEVEL_WORDS[value] }))}
        />
        {task.attempt > 1 && (
          <NativeSelect
            size="xs"
            aria-label="Attempt"
            value={String(attempt)}
            onChange={(event) => {
              const wanted = Number(event.currentTarget.value);
              setChosen(wanted === task.attempt ? null : wanted);
            }}
            data={attemptsUpTo(task.attempt)}
          />
        )}
        <Button
          size="xs"
          variant="default"
          leftSection={<IconDownload size={14} />}
          component="a"
          href={`/api/tasks/${task.id}/logs/download/?attempt=${attempt}`}
          download
        >
          Download the log
        </Button>
      </Group>
      {error && <Problem error={error} onRetry={() => void refetch()} />}
      {log && lines.length === 0 && (
        <Text size="sm" c="dimmed">
          {TERMINAL.has(task.state) || attempt < task.attempt
            ? "This attempt logged nothing."
            : "Nothing yet; what it logs and prints appears here by itself."}
        </Text>
      )}
      {lines.length > 0 && (
        <>
          <LogPane
            key={isPlaceholderData ? "before" : attempt}
            lines={shown}
            follows={follows}
            onFollow={setFollows}
          />
          <Text size="xs" c="dimmed" role="status">
            {filtered ? `${exact.format(shown.length)} of ` : ""}
            {exact.format(lines.length)} {lines.length === 1 ? "line" : "lines"}
          </Text>
        </>
      )}
    </Stack>
  );
}
