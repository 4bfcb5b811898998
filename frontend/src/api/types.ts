/** The documents of the REST API, taken from its OpenAPI description, and of the websocket. */
import type { paths } from "./schema";

export const STATES = ["scheduled", "queued", "running", "succeeded", "failed", "cancelled"] as const;
export type State = (typeof STATES)[number];

type Answer<
  Path extends keyof paths,
  Method extends keyof paths[Path],
  Status extends number,
> = paths[Path][Method] extends { responses: infer Responses }
  ? Status extends keyof Responses
    ? Responses[Status] extends { content: { "application/json": infer Document } }
      ? Document
      : never
    : never
  : never;

export type TaskPage = Answer<"/api/tasks/", "get", 200>;
export type Recent = Answer<"/api/tasks/recent/", "get", 200>["results"][number];
export type RecentTask = Recent["tasks"][number];
export type TaskRow = TaskPage["results"][number];
export type TaskDetail = Answer<"/api/tasks/{task_id}/", "get", 200>;
export type TaskBase = Omit<TaskRow, "arguments_preview">;
export type Progress = NonNullable<TaskRow["progress"]>;
export type Attempt = TaskDetail["attempts"][number];
export type StopStep = TaskDetail["steps"][number];
export type LogPage = Answer<"/api/tasks/{task_id}/logs/", "get", 200>;
export type LogLine = LogPage["results"][number];
export type WaitingReason = Answer<"/api/tasks/{task_id}/waiting/", "get", 200>["results"][number];
export type Worker = Answer<"/api/workers/", "get", 200>["results"][number];
export type Overview = Answer<"/api/overview/", "get", 200>;
export type Trend = Answer<"/api/trends/", "get", 200>;
export type Total = Answer<"/api/trends/totals/", "get", 200>["results"][number];
export type TrendRange = NonNullable<
  NonNullable<paths["/api/trends/"]["get"]["parameters"]["query"]>["range"]
>;
export type Queue = Answer<"/api/queues/", "get", 200>["results"][number];
export type Counts = Answer<"/api/tasks/counts/", "get", 200>;
export type TaskFunction = Answer<"/api/functions/", "get", 200>["results"][number];
export type Session = Answer<"/api/session/", "get", 200>;
export type Submitted = Answer<"/api/tasks/", "post", 202>;

export type BatchPage = Answer<"/api/batches/", "get", 200>;
export type Batch = Answer<"/api/batches/{batch_id}/", "get", 200>;

/** What can be done to many tasks at once. */
export type Act = "cancel" | "retry";
export type Acted = Answer<"/api/tasks/actions/", "post", 200>;

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
    | "batch"
    | "worker"
    | "started_at"
    | "finished_at"
    | "error"
    | "cancel_requested"
  >
> & { progress?: Progress; step?: StopStep; log?: { attempt: number; seq: number } };

export type ServerFrame =
  | { type: "snapshot"; seq: number; topic: "tasks"; results: TaskRow[] }
  | { type: "snapshot"; seq: number; topic: string; task: TaskDetail }
  | { type: "snapshot"; seq: number; topic: string; batch: Batch }
  | { type: "events"; seq: number; events: TaskEvent[] }
  | { type: "stale"; seq: number; topic: string }
  | { type: "error"; topic: string; code: string; detail: string };
