import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { SchemaForm } from "./schema-form";
import { mapFieldErrors } from "./server-errors";

const schema = {
  type: "object",
  required: ["number"],
  properties: {
    number: { type: "integer", title: "Number", minimum: 0, maximum: 40 },
    anything: { title: "Anything" },
    limit: { title: "Limit", anyOf: [{ type: "integer" }, { type: "null" }], default: null },
  },
};

const form = (onSubmit: (values: Record<string, unknown>) => void, serverErrors = {}) => (
  <MantineProvider env="test">
    <SchemaForm schema={schema as never} serverErrors={serverErrors} onSubmit={onSubmit}>
      <button type="submit">Run</button>
    </SchemaForm>
  </MantineProvider>
);

it("submits what was typed as the type of its field, and leaves the check to the server", async () => {
  const onSubmit = vi.fn();
  render(form(onSubmit));
  await userEvent.click(screen.getByText("Run"));
  expect(onSubmit).toHaveBeenLastCalledWith({ limit: null });
  await userEvent.type(screen.getByLabelText(/Number/), "41");
  await userEvent.type(screen.getByLabelText(/Limit/), "7");
  await userEvent.click(screen.getByText("Run"));
  expect(onSubmit).toHaveBeenLastCalledWith({ number: 41, limit: 7 });
});

it("shows what the server refused at the field, keeps what was typed, and can submit again", async () => {
  const onSubmit = vi.fn();
  const { rerender } = render(form(onSubmit));
  const input = screen.getByLabelText(/Number/);
  await userEvent.type(input, "12");
  const { byField, rest } = mapFieldErrors(
    [
      { field: "arguments.number", message: "Not today" },
      { field: "queue", message: "No such queue" },
    ],
    schema,
    () => true,
  );
  expect(rest).toEqual([{ field: "queue", message: "No such queue" }]);
  rerender(form(onSubmit, byField));
  expect(await screen.findByText("Not today")).toBeInTheDocument();
  expect(input).toHaveValue("12");
  expect(input).toHaveFocus();
  await userEvent.click(screen.getByText("Run"));
  expect(onSubmit).toHaveBeenCalledWith(expect.objectContaining({ number: 12 }));
});

it("keeps what was typed for a number when it is none, and takes it back once it is one", async () => {
  const onSubmit = vi.fn();
  render(form(onSubmit));
  const input = screen.getByLabelText(/Number/);
  await userEvent.type(input, "3,5");
  expect(input).toHaveValue("3,5");
  await userEvent.click(screen.getByText("Run"));
  expect(onSubmit).toHaveBeenLastCalledWith({ limit: null, number: "3,5" });
  await userEvent.clear(input);
  await userEvent.type(input, "1e1{ArrowUp}{ArrowUp}{ArrowDown}");
  expect(input).toHaveValue("11");
  await userEvent.click(screen.getByText("Run"));
  expect(onSubmit).toHaveBeenLastCalledWith({ limit: null, number: 11 });
  await userEvent.clear(input);
  await userEvent.click(screen.getByText("Run"));
  expect(onSubmit).toHaveBeenLastCalledWith({ limit: null });
});

it("takes words for anything, without a word of blame", async () => {
  const onSubmit = vi.fn();
  render(form(onSubmit));
  const input = screen.getByLabelText(/Anything/);
  await userEvent.type(input, "plain words");
  await userEvent.tab();
  expect(input).not.toHaveAttribute("aria-invalid", "true");
  await userEvent.click(screen.getByText("Run"));
  expect(onSubmit).toHaveBeenLastCalledWith({ limit: null, anything: "plain words" });
});
