import type { Batch, TaskDetail, TaskRow } from "./api/types";

export function aRow(facts: Partial<TaskRow> = {}): TaskRow {
  return {
    id: "0198f000-0000-7000-8000-000000000001",
    function: "fibonacci",
    path: "tasks_app.examples.tasks.fibonacci",
    queue: "default",
    priority: 0,
    state: "running",
    attempt: 1,
    failures: 0,
    max_attempts: 1,
    losses: 0,
    cancel_requested: false,
    revision: 1,
    owner: null,
    batch: null,
    worker: "node-1",
    created_at: "2026-01-01T00:00:00Z",
    run_at: null,
    started_at: "2026-01-01T00:00:01Z",
    finished_at: null,
    error: null,
    progress: null,
    arguments_preview: '{"number":35}',
    ...facts,
  };
}

export function aTask(facts: Partial<TaskDetail> = {}): TaskDetail {
  const { arguments_preview: _, ...base } = aRow();
  return {
    ...base,
    arguments: { number: 35 },
    then_of: null,
    result: null,
    result_kind: null,
    result_url: null,
    traceback: null,
    metadata: {},
    steps: [],
    attempts: [],
    ...facts,
  };
}

export function aBatch(facts: Partial<Batch> = {}): Batch {
  return {
    id: "0198f000-0000-7000-8000-00000000000b",
    owner: null,
    created_at: "2026-01-01T00:00:00Z",
    size: 3,
    functions: ["fibonacci"],
    counts: { scheduled: 0, queued: 1, running: 0, succeeded: 1, failed: 1, cancelled: 0 },
    finished_at: null,
    then_task: null,
    ...facts,
  };
}
