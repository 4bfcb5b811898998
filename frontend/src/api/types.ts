/** The documents of the REST API and the websocket. */
export const STATES = ["scheduled", "queued", "running", "succeeded", "failed", "cancelled"] as const;
export type State = (typeof STATES)[number];

export interface Progress {
  attempt: number;
  seq: number;
  done: number | null;
  total: number | null;
  stage: string;
}

export interface TaskBase {
  id: string;
  function: string;
  path: string;
  queue: string;
  priority: number;
  state: State;
  attempt: number;
  failures: number;
  max_attempts: number;
  losses: number;
  cancel_requested: boolean;
  revision: number;
  owner: string | null;
  worker: string | null;
  created_at: string;
  run_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  error: string | null;
  progress: Progress | null;
}

export interface TaskRow extends TaskBase {
  arguments_preview: string;
}

export interface Attempt {
  attempt: number;
  kind: "failure" | "loss";
  worker: string;
  error_class: string;
  message: string;
  traceback: string;
  started_at: string | null;
  finished_at: string | null;
}

export interface TaskDetail extends TaskBase {
  arguments: Record<string, unknown>;
  result: unknown;
  result_url: string | null;
  traceback: string | null;
  attempts: Attempt[];
}

export interface TaskPage {
  results: TaskRow[];
  next: string | null;
}

export interface Counts {
  counts: Record<State, number>;
  cap: number;
}

export interface TaskFunction {
  name: string;
  path: string;
  title: string;
  description: string;
  schema: Record<string, unknown>;
  queue: string;
  defaults: Record<string, unknown>;
  is_async: boolean;
}

export interface Session {
  user: { username: string } | null;
  anonymous: "none" | "view" | "submit" | "operate";
  permissions: {
    view: boolean;
    submit: boolean;
    cancel: boolean;
    retry: boolean;
    operate: boolean;
    view_all: boolean;
  };
}

export interface Submitted {
  task_id: string;
  state: State;
  url: string;
}

export interface FieldError {
  field: string;
  message: string;
}

/** A key that is absent did not change. */
export type TaskEvent = { id: string } & Partial<
  Pick<
    TaskBase,
    | "revision"
    | "state"
    | "attempt"
    | "function"
    | "queue"
    | "worker"
    | "started_at"
    | "finished_at"
    | "error"
    | "cancel_requested"
  >
> & { progress?: Progress };

export type ServerFrame =
  | { type: "snapshot"; seq: number; topic: "tasks"; results: TaskRow[] }
  | { type: "snapshot"; seq: number; topic: string; task: TaskDetail }
  | { type: "events"; seq: number; events: TaskEvent[] }
  | { type: "stale"; seq: number; topic: string }
  | { type: "error"; topic: string; code: string; detail: string };
