import { afterEach, expect, it, vi } from "vitest";
import { ApiError, api, UNAUTHORIZED } from "./client";

const answer = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/problem+json" } });

afterEach(() => {
  vi.unstubAllGlobals();
});

it("sends the CSRF cookie's token and turns a problem document into an error", async () => {
  // biome-ignore lint/suspicious/noDocumentCookie: the client reads the cookie the same way
  document.cookie = "csrftoken=abc";
  const errors = [{ field: "arguments.number", message: "Must be at most 40" }];
  const send = vi.fn(async () => answer(400, { code: "invalid_arguments", detail: "No.", errors }));
  vi.stubGlobal("fetch", send);
  await expect(api.submit("fibonacci", { number: 41 })).rejects.toMatchObject({
    status: 400,
    code: "invalid_arguments",
    message: "No.",
    fieldErrors: errors,
  });
  expect(send).toHaveBeenCalledWith(
    "/api/tasks/",
    expect.objectContaining({
      method: "POST",
      body: '{"function":"fibonacci","arguments":{"number":41}}',
      headers: expect.objectContaining({ "X-CSRFToken": "abc" }),
    }),
  );
});

it("tells the shell when the session is over", async () => {
  vi.stubGlobal("fetch", async () => answer(401, { code: "not_authenticated", detail: "Log in first." }));
  const told = vi.fn();
  window.addEventListener(UNAUTHORIZED, told, { once: true });
  await expect(api.counts({ states: [] })).rejects.toBeInstanceOf(ApiError);
  expect(told).toHaveBeenCalledOnce();
});
