import { queryOf, type TaskFilter } from "./filter";
import { reportReachable } from "./status";
import type {
  Act,
  Acted,
  Batch,
  BatchPage,
  Counts,
  FieldError,
  LogPage,
  Overview,
  Queue,
  Recent,
  Session,
  State,
  Submitted,
  TaskDetail,
  TaskFunction,
  TaskPage,
  Total,
  Trend,
  TrendRange,
  WaitingReason,
  Worker,
} from "./types";

const TIMEOUT_MS = 15_000;
export const UNAUTHORIZED = "taskdeck:unauthorized";

/** An answer of the server that is no success: a problem document (RFC 9457) where it sent one. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly fieldErrors: FieldError[];

  constructor(status: number, code: string, detail: string, fieldErrors: FieldError[] = []) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.fieldErrors = fieldErrors;
  }
}

async function readProblem(response: Response): Promise<ApiError> {
  const type = response.headers.get("content-type") ?? "";
  if (!type.includes("json"))
    return new ApiError(response.status, "http_error", `The server answered ${response.status}.`);
  const problem = (await response.json()) as {
    code?: string;
    detail?: string;
    title?: string;
    errors?: FieldError[];
  };
  const detail = problem.detail ?? problem.title ?? `The server answered ${response.status}.`;
  return new ApiError(response.status, problem.code ?? "http_error", detail, problem.errors ?? []);
}

const csrfToken = () => /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1];

interface Options {
  body?: unknown;
  signal?: AbortSignal;
}

async function send(method: string, path: string, { body, signal }: Options): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") {
    if (!csrfToken()) await send("GET", "/api/session/", {});
    const token = csrfToken();
    if (token) headers["X-CSRFToken"] = token;
  }
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    reportReachable(true);
    return response;
  } catch (error) {
    if (signal?.aborted) throw error;
    reportReachable(false);
    throw new ApiError(0, "unreachable", "The server cannot be reached.");
  }
}

/** Raises ApiError; a 401 or 403 also tells the shell that the session may be over. */
async function answer(method: string, path: string, options: Options): Promise<Response> {
  const response = await send(method, path, options);
  if (response.ok) return response;
  if (response.status === 401 || response.status === 403) window.dispatchEvent(new Event(UNAUTHORIZED));
  throw await readProblem(response);
}

async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const response = await answer(method, path, options);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

const taskPath = (id: string) => `/api/tasks/${encodeURIComponent(id)}/`;

/** A slash in a name is a slash in the path. */
const queuePath = (queue: string) => `/api/queues/${queue.split("/").map(encodeURIComponent).join("/")}/`;

export const api = {
  session: (signal?: AbortSignal) => request<Session>("GET", "/api/session/", { signal }),
  logIn: (credentials: { username: string; password: string }) =>
    request<Session>("POST", "/api/session/", { body: credentials }),
  logOut: () => request<void>("DELETE", "/api/session/"),
  functions: async (signal?: AbortSignal) =>
    (await request<{ results: TaskFunction[] }>("GET", "/api/functions/", { signal })).results,
  batches: (cursor: string | null, signal?: AbortSignal) =>
    request<BatchPage>("GET", `/api/batches/${cursor ? `?cursor=${cursor}` : ""}`, { signal }),
  batch: (id: string, signal?: AbortSignal) =>
    request<Batch>("GET", `/api/batches/${encodeURIComponent(id)}/`, { signal }),
  tasks: (filter: TaskFilter, cursor: string | null, signal?: AbortSignal) =>
    request<TaskPage>("GET", `/api/tasks/${queryOf(filter, { cursor })}`, { signal }),
  recent: async (signal?: AbortSignal) =>
    (await request<{ results: Recent[] }>("GET", "/api/tasks/recent/", { signal })).results,
  /** The next 1,000 lines at most, behind number `after`. */
  log: (id: string, attempt: number, after: number, signal?: AbortSignal) =>
    request<LogPage>("GET", `${taskPath(id)}logs/?attempt=${attempt}&after=${after}&limit=1000`, { signal }),
  waiting: async (id: string, signal?: AbortSignal) =>
    (await request<{ results: WaitingReason[] }>("GET", `${taskPath(id)}waiting/`, { signal })).results,
  overview: (signal?: AbortSignal) => request<Overview>("GET", "/api/overview/", { signal }),
  trend: (range: TrendRange, signal?: AbortSignal) =>
    request<Trend>("GET", `/api/trends/?range=${range}`, { signal }),
  totals: async (by: "function" | "queue", signal?: AbortSignal) =>
    (await request<{ results: Total[] }>("GET", `/api/trends/totals/?by=${by}`, { signal })).results,
  workers: async (signal?: AbortSignal) =>
    (await request<{ results: Worker[] }>("GET", "/api/workers/", { signal })).results,
  quiet: (workerId: string, isQuiet: boolean) =>
    request<unknown>("POST", `/api/workers/${workerId}/${isQuiet ? "quiet" : "wake"}/`),
  /** `until`: an instant after which the queue runs again by itself. */
  pause: (queue: string, reason: string, until: string | null) =>
    request<unknown>("POST", `${queuePath(queue)}pause/`, { body: { reason, until } }),
  resume: (queue: string) => request<unknown>("POST", `${queuePath(queue)}resume/`),
  queues: async (signal?: AbortSignal) =>
    (await request<{ results: Queue[] }>("GET", "/api/queues/", { signal })).results,
  counts: (filter: TaskFilter, newerThan: string | null = null, signal?: AbortSignal) =>
    request<Counts>("GET", `/api/tasks/counts/${queryOf(filter, { newer_than: newerThan })}`, { signal }),
  act: (body: { action: Act } & ({ ids: readonly string[] } | { filter: object; cursor: string | null })) =>
    request<Acted>("POST", "/api/tasks/actions/", { body }),
  task: (id: string, signal?: AbortSignal) => request<TaskDetail>("GET", taskPath(id), { signal }),
  /** A file that a task returned, as text. */
  file: async (url: string, signal?: AbortSignal) => (await answer("GET", url, { signal })).text(),
  submit: (name: string, values: Record<string, unknown>, options: object = {}) =>
    request<Submitted>("POST", "/api/tasks/", { body: { function: name, arguments: values, ...options } }),
  cancel: (id: string) =>
    request<{ state: State; cancel_requested: boolean }>("POST", `${taskPath(id)}cancel/`),
  retry: (id: string, values?: Record<string, unknown>) =>
    request<{ state: State }>("POST", `${taskPath(id)}retry/`, { body: values && { arguments: values } }),
};
