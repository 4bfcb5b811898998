import { Alert, Anchor, Button, Divider, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import type { RJSFSchema } from "@rjsf/utils";
import { IconPlayerPlay, IconRotateClockwise2 } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useRef, useState } from "react";
import { ApiError, api } from "../api/client";
import { TERMINAL } from "../api/events";
import { useOneAtATime } from "../api/one-at-a-time";
import { functionsQuery, sessionQuery, taskQuery, useMaySubmit } from "../api/queries";
import type { FieldError, TaskDetail, TaskFunction } from "../api/types";
import { CodeBlock } from "../components/copy";
import { Empty } from "../components/empty";
import { NotFound } from "../components/not-found";
import { PageProblem } from "../components/problem";
import { isOption, type SubmitOptions } from "../forms/options";
import { OptionsFields } from "../forms/options-fields";
import { SchemaForm } from "../forms/schema-form";
import { argumentField, changedNames, mapFieldErrors, ownerOf } from "../forms/server-errors";
import { asCurl, asPython } from "../forms/snippets";

type Values = Record<string, unknown>;

const route = getRouteApi("/new");
/** What a newcomer meets first. */
const FIRST = "fibonacci";

const buttonLabel = ({ name }: TaskFunction) => (name === FIRST ? "Calculate" : "Run task");

/** The named function; without a name the first one for newcomers. */
export const chosen = (functions: readonly TaskFunction[], name: string | undefined) =>
  name === undefined
    ? (functions.find((f) => f.name === FIRST) ?? functions[0])
    : functions.find((f) => f.name === name);

type FieldErrors = readonly FieldError[];
const NONE: FieldErrors = [];

function Rejection({ error, rest }: { error: Error; rest: FieldErrors }) {
  const explained = error instanceof ApiError && error.fieldErrors.length > 0;
  if (explained && rest.length === 0) return null;
  return (
    <Alert
      color="red"
      variant="outline"
      role="alert"
      mb="md"
      title="The task was not started"
      styles={{ title: { color: "var(--mantine-color-error)" } }}
    >
      {rest.length > 0
        ? rest.map(({ field, message }) => <div key={`${field} ${message}`}>{`${field}: ${message}`}</div>)
        : error.message}
    </Alert>
  );
}

/** The form as a command and as Python. */
function Calls({ fn, values, options }: { fn: TaskFunction; values: Values; options: SubmitOptions }) {
  return (
    <details>
      <summary>Call it from elsewhere</summary>
      <Stack gap="xs" mt="sm">
        <CodeBlock name="the curl command" text={asCurl(window.location.origin, fn.name, values, options)} />
        <CodeBlock name="the Python call" text={asPython(fn.path, values, options)} />
      </Stack>
    </details>
  );
}

interface Wish {
  values: Values;
  options: SubmitOptions;
  /** The earlier task itself runs again; else a new one. */
  isRetry: boolean;
}

/** Submits, and keeps what was refused until the field in question is edited. */
function useSubmit(fn: TaskFunction, earlier: TaskDetail | undefined) {
  const navigate = route.useNavigate();
  const [edited, setEdited] = useState<ReadonlySet<string>>(new Set());
  const submit = useMutation({
    mutationFn: async ({ values, options, isRetry }: Wish) => {
      if (!isRetry || !earlier) return (await api.submit(fn.name, values, options)).task_id;
      await api.retry(earlier.id, values);
      return earlier.id;
    },
    onMutate: () => setEdited(new Set()),
    onSuccess: (id) => navigate({ to: "/tasks/$id", params: { id } }),
  });
  const submitOnce = useOneAtATime(submit.mutateAsync);
  const refused = submit.error instanceof ApiError ? submit.error.fieldErrors : NONE;
  const { byField, rest } = useMemo(
    () =>
      mapFieldErrors(
        refused.filter((error) => !edited.has(ownerOf(error))),
        fn.schema,
      ),
    [refused, edited, fn.schema],
  );
  const forget = (owners: readonly string[]) => {
    if (refused.length === 0 && submit.isError) submit.reset();
    if (refused.length > 0 && owners.length > 0) setEdited(new Set([...edited, ...owners]));
  };
  return { submit, submitOnce, byField, rest, forget };
}

function FunctionForm({ fn, earlier }: { fn: TaskFunction; earlier?: TaskDetail }) {
  const permissions = useQuery(sessionQuery).data?.permissions;
  const maySubmit = useMaySubmit();
  const mayRetry = earlier && TERMINAL.has(earlier.state) && permissions?.retry && permissions.submit;
  const initial = earlier?.arguments;
  const isRetry = useRef(false);
  const [values, setValues] = useState<Values>(initial ?? {});
  const [options, setOptions] = useState<SubmitOptions>({});
  const { submit, submitOnce, byField, rest, forget } = useSubmit(fn, earlier);
  const hasOptions = Object.values(options).some((value) => value !== undefined);
  return (
    <Paper withBorder p="lg" radius="md">
      {fn.description && (
        <Text size="sm" c="dimmed" mb="md" style={{ whiteSpace: "pre-line" }}>
          {fn.description}
        </Text>
      )}
      {submit.error && <Rejection error={submit.error} rest={rest.filter(({ field }) => !isOption(field))} />}
      <SchemaForm
        schema={fn.schema as RJSFSchema}
        initial={initial}
        serverErrors={byField}
        onEdit={(edited) => {
          setValues(edited);
          forget(changedNames(values, edited).map(argumentField));
        }}
        onSubmit={(submitted) => submitOnce({ values: submitted, options, isRetry: isRetry.current })}
      >
        <OptionsFields
          queue={fn.queue}
          options={options}
          errors={rest.filter(({ field }) => isOption(field))}
          onChange={(changed) => {
            setOptions(changed);
            forget(changedNames({ ...options }, { ...changed }));
          }}
        />
        <Group mt="lg">
          <Button
            type="submit"
            loading={submit.isPending}
            disabled={!maySubmit}
            leftSection={<IconPlayerPlay size={16} />}
            onClick={() => {
              isRetry.current = false;
            }}
          >
            {earlier ? "Run as a new task" : options.run_after ? "Run later" : buttonLabel(fn)}
          </Button>
          {mayRetry && (
            <Button
              type="submit"
              variant="default"
              loading={submit.isPending}
              disabled={hasOptions}
              leftSection={<IconRotateClockwise2 size={16} />}
              onClick={() => {
                isRetry.current = true;
              }}
            >
              Retry the same task
            </Button>
          )}
          {mayRetry && hasOptions && (
            <Text size="sm" c="dimmed">
              Options are for a new task: a retry keeps its queue and priority, and begins at once.
            </Text>
          )}
          {!maySubmit && (
            <Text size="sm" c="dimmed">
              You may look at tasks here, but not start them.
            </Text>
          )}
        </Group>
      </SchemaForm>
      <Divider my="md" />
      <Calls fn={fn} values={values} options={options} />
    </Paper>
  );
}

function Others({ functions }: { functions: readonly TaskFunction[] }) {
  if (functions.length === 0) return null;
  return (
    <nav aria-label="Other task functions">
      <Title order={2} size="h5" mb="xs">
        Other task functions
      </Title>
      <Stack gap={6}>
        {functions.map((f) => (
          <Text key={f.name} size="sm">
            <Anchor
              fw={600}
              renderRoot={(p) => <Link to="/new" search={{ name: f.name }} {...p} />}
              size="sm"
            >
              {f.title}
            </Anchor>
            <Text span c="dimmed" size="sm">
              {" "}
              {f.description.split("\n")[0]}
            </Text>
          </Text>
        ))}
      </Stack>
    </nav>
  );
}

export default function NewTaskPage() {
  const { name, from } = route.useSearch();
  const functions = useQuery(functionsQuery);
  const earlier = useQuery({ ...taskQuery(from ?? ""), enabled: from !== undefined, refetchInterval: false });
  const fn = chosen(functions.data ?? [], name);
  if (functions.isPending || (from && earlier.isPending))
    return <Skeleton h={220} maw={720} radius="md" role="img" aria-label="Loading the form" />;
  if (functions.error && !functions.data)
    return <PageProblem title="New task" error={functions.error} onRetry={() => void functions.refetch()} />;
  if (earlier.error && !earlier.data)
    return <PageProblem title="New task" error={earlier.error} onRetry={() => void earlier.refetch()} />;
  if (!fn && name !== undefined)
    return (
      <NotFound
        title="There is no such task function"
        hint={`This deployment has no function of the name ${name}.`}
      />
    );
  if (!fn)
    return (
      <Empty
        isPage
        title="No task functions yet"
        hint="Decorate a function with @task in an app's tasks.py."
      />
    );
  return (
    <Stack gap="lg" maw={720}>
      <title>{`${fn.title} · Taskdeck`}</title>
      <Title order={1} size="h3">
        {fn.title}
      </Title>
      <FunctionForm key={`${fn.name} ${from ?? ""}`} fn={fn} earlier={earlier.data} />
      <Others functions={(functions.data ?? []).filter((f) => f !== fn)} />
    </Stack>
  );
}
