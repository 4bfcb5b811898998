import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import type { TaskFunction } from "../api/types";
import { chosen } from "../pages/new-task";
import { ResultView } from "../task/result-view";
import { Running } from "../task/running";
import { TaskTimeline } from "../task/task-timeline";
import { countText } from "../tasks/state-chips";
import { aTask } from "../test-data";
import { percentOf, taskTitle } from "./progress";
import { mustLogIn } from "./shell";
import { StateBadge, shownState } from "./states";
import { ago, duration, until } from "./time";

const show = (view: React.ReactNode) => render(<MantineProvider env="test">{view}</MantineProvider>);

describe("results", () => {
  it("a number stands for itself", () => {
    show(<ResultView task={aTask({ state: "succeeded", result: 9227465 })} />);
    expect(screen.getByTestId("result")).toHaveTextContent("9227465");
  });

  it("a picture is shown from its own address, new for each attempt", () => {
    const result_url = "/api/tasks/7/result/";
    show(<ResultView task={aTask({ attempt: 2, result: { $media: "image/png" }, result_url })} />);
    expect(screen.getByRole("img")).toHaveAttribute("src", "/api/tasks/7/result/?attempt=2");
  });

  it("a file that is gone says so, where its text would stand", async () => {
    const problem = { code: "result_expired", detail: "It is gone." };
    vi.stubGlobal("fetch", async () => {
      const headers = { "content-type": "application/problem+json" };
      return new Response(JSON.stringify(problem), { status: 410, headers });
    });
    const cache = new QueryClient({ defaultOptions: { queries: { retry: false } } });
    const result = { $media: "text/plain", name: "a.txt", size: 3 };
    show(
      <QueryClientProvider client={cache}>
        <ResultView task={aTask({ result, result_url: "/api/tasks/7/result/" })} />
      </QueryClientProvider>,
    );
    expect(await screen.findByRole("alert")).toHaveTextContent("It is gone.");
    expect(screen.queryByText(/result_expired/)).toBeNull();
    vi.unstubAllGlobals();
  });

  it("the server's word for its kind decides", () => {
    const result = [{ word: "the", count: 3 }];
    show(<ResultView task={aTask({ result, result_kind: "table" })} />);
    expect(screen.getByRole("cell", { name: "the" })).toBeInTheDocument();
  });
});

it("how long a task waited is told of its first attempt, which alone waits from its submit", () => {
  const first = aTask({
    attempt: 1,
    state: "succeeded",
    created_at: "2030-01-01T00:00:00Z",
    started_at: "2030-01-01T00:00:02Z",
    finished_at: "2030-01-01T00:00:03Z",
  });
  const { rerender } = show(<TaskTimeline task={first} />);
  expect(screen.getByText(/waited 2/)).toBeInTheDocument();
  for (const later of [
    { ...first, attempt: 2 },
    { ...first, state: "queued" as const, finished_at: null },
  ]) {
    rerender(
      <MantineProvider env="test">
        <TaskTimeline task={later} />
      </MantineProvider>,
    );
    expect(screen.queryByText(/waited/)).toBeNull();
  }
});

it("nested results unfold, and integers stay exact", () => {
  show(<ResultView task={aTask({ result: { big: 9007199254740991, list: [1, { deep: "x" }] } })} />);
  expect(screen.getByText("9007199254740991")).toBeInTheDocument();
  expect(screen.getByText("2 items")).toBeInTheDocument();
  expect(screen.getByRole("link", { name: "Download" })).toHaveAttribute("download", "fibonacci-000001.json");
});

it("tells the pace and the time left", () => {
  const progress = { attempt: 1, seq: 1, done: 25, total: 100, stage: "Drawing", rate: 2.5, eta_seconds: 30 };
  show(<Running task={aTask({ state: "running", progress })} />);
  expect(screen.getByText("2.5 a second, about 30 s left")).toBeInTheDocument();
  expect(screen.getByText("Drawing 25 of 100")).toBeInTheDocument();
});

describe("states", () => {
  it("a scheduled task that has failed is retrying", () => {
    expect(shownState({ state: "scheduled", failures: 1 })).toBe("retrying");
    expect(shownState({ state: "scheduled", failures: 0 })).toBe("scheduled");
  });

  it("a running task asked to stop says so", () => {
    show(<StateBadge task={aTask({ cancel_requested: true })} />);
    expect(screen.getByText("Cancelling")).toBeInTheDocument();
  });
});

it("a count at the server's cap is a lower bound", () => {
  const counts = { cap: 10_000, is_complete: true };
  expect(countText(12, counts)).toBe("12");
  expect(countText(10_000, counts)).toBe("10,000+");
  expect(countText(12, { ...counts, is_complete: false })).toBe("12+");
});

it("progress without a total has no percentage", () => {
  const progress = {
    attempt: 1,
    seq: 1,
    done: 5,
    total: null,
    stage: "Reading",
    rate: null,
    eta_seconds: null,
  };
  expect(percentOf(progress)).toBeNull();
  expect(percentOf({ ...progress, total: 20 })).toBe(25);
});

it("the title of a tab tells state and progress", () => {
  const progress = { attempt: 1, seq: 1, done: 5, total: 20, stage: "", rate: null, eta_seconds: null };
  expect(taskTitle(aTask({ state: "running", progress }))).toBe("25% fibonacci · Taskdeck");
  expect(taskTitle(aTask({ state: "failed", progress }))).toBe("Failed: fibonacci · Taskdeck");
});

it("a newcomer meets Fibonacci first", () => {
  const functions = ["count_primes", "fibonacci"].map((name) => ({ name }) as TaskFunction);
  expect(chosen(functions, undefined)?.name).toBe("fibonacci");
  expect(chosen(functions, "count_primes")?.name).toBe("count_primes");
  expect(chosen(functions, "gone_away")).toBeUndefined();
  expect(chosen([], undefined)).toBeUndefined();
});

it("only a visitor without name and rights must log in", () => {
  const none = { view: false, submit: false, cancel: false, retry: false, operate: false, view_all: false };
  expect(mustLogIn(undefined)).toBe(false);
  expect(mustLogIn({ user: null, anonymous: "none", permissions: none })).toBe(true);
  expect(mustLogIn({ user: null, anonymous: "view", permissions: { ...none, view: true } })).toBe(false);
  expect(
    mustLogIn({ user: { username: "ada", admin_url: null }, anonymous: "none", permissions: none }),
  ).toBe(false);
});

it("tells time in words", () => {
  expect(duration(7_940)).toBe("7.9 s");
  expect(duration(125_000)).toBe("2 m 5 s");
  expect(ago(90_000)).toBe("1 min ago");
  expect(until(7_300_000)).toBe("in 2 hours");
  expect(until(1_000)).toBe("in 1 second");
});
