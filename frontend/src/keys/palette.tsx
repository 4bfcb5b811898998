import "@mantine/spotlight/styles.layer.css";
import { Spotlight, type SpotlightActionData, spotlight } from "@mantine/spotlight";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { functionsQuery, useMaySubmit } from "../api/queries";

const TASK_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** "Go to": pages, the form of each task function (its tasks, for who may not submit), and a task by its id. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const functions = useQuery(functionsQuery).data ?? [];
  const maySubmit = useMaySubmit();
  const [query, setQuery] = useState("");
  useEffect(() => spotlight.open(), []);
  const actions: SpotlightActionData[] = [
    { id: "overview", label: "Overview", onClick: () => void navigate({ to: "/overview" }) },
    { id: "tasks", label: "Tasks", onClick: () => void navigate({ to: "/tasks" }) },
    { id: "batches", label: "Batches", onClick: () => void navigate({ to: "/batches" }) },
    ...(maySubmit ? [{ id: "new", label: "New task", onClick: () => void navigate({ to: "/new" }) }] : []),
    { id: "functions", label: "Functions", onClick: () => void navigate({ to: "/functions" }) },
    { id: "workers", label: "Workers", onClick: () => void navigate({ to: "/workers" }) },
    { id: "queues", label: "Queues", onClick: () => void navigate({ to: "/queues" }) },
    ...functions.map((fn) => ({
      id: `fn ${fn.name}`,
      label: fn.title,
      description: fn.description.split("\n")[0],
      onClick: () =>
        void (maySubmit
          ? navigate({ to: "/new", search: { name: fn.name } })
          : navigate({ to: "/tasks", search: { fn: fn.name } })),
    })),
  ];
  const id = query.trim();
  if (TASK_ID.test(id))
    actions.unshift({
      id: "task",
      label: `Task ${id}`,
      keywords: [id],
      onClick: () => void navigate({ to: "/tasks/$id", params: { id: id.toLowerCase() } }),
    });
  return (
    <Spotlight
      actions={actions}
      query={query}
      onQueryChange={setQuery}
      shortcut={null}
      nothingFound="Nothing by that name"
      searchProps={{ placeholder: "A page, a function, or a task's id", "aria-label": "Go to" }}
      onSpotlightClose={onClose}
      attributes={{ content: { "aria-label": "Go to" } }}
      scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}
      // A box that still fades would take the keys meant for the next one.
      transitionProps={{ duration: 0 }}
      scrollable
      maxHeight={420}
    />
  );
}
