import { Kbd, Switch } from "@mantine/core";
import { useMaySubmit } from "../api/queries";
import { DataTable } from "../components/data-table";
import { Dialog } from "../components/dialog";
import { enableShortcuts, SHORTCUTS, useShortcutsEnabled } from "./shortcuts";

const GO_TO = { keys: "Ctrl K", action: "go", label: "Go to a page, a function or a task" };

export default function ShortcutHelp({ onClose }: { onClose: () => void }) {
  const enabled = useShortcutsEnabled();
  const maySubmit = useMaySubmit();
  const lines = [...SHORTCUTS, GO_TO].filter(({ action }) => maySubmit || action !== "new");
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <Switch
        label="Use single-key shortcuts in this browser"
        checked={enabled}
        onChange={(event) => enableShortcuts(event.currentTarget.checked)}
        mb="md"
      />
      <DataTable label="Keyboard shortcuts">
        {lines.map(({ keys, label }) => (
          <tr key={keys}>
            <td style={{ width: 110 }}>
              {keys.split(" ").map((key) => (
                <Kbd key={key} mr={4}>
                  {key === "D" ? "Shift D" : key}
                </Kbd>
              ))}
            </td>
            <td>{label}</td>
          </tr>
        ))}
      </DataTable>
    </Dialog>
  );
}
