import { Kbd, Switch, Table } from "@mantine/core";
import { Dialog } from "../components/dialog";
import { enableShortcuts, SHORTCUTS, useShortcutsEnabled } from "./shortcuts";

export default function ShortcutHelp({ onClose }: { onClose: () => void }) {
  const enabled = useShortcutsEnabled();
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <Switch
        label="Use single-key shortcuts in this browser"
        checked={enabled}
        onChange={(event) => enableShortcuts(event.currentTarget.checked)}
        mb="md"
      />
      <Table verticalSpacing={4} aria-label="Keyboard shortcuts">
        <Table.Tbody>
          {[...SHORTCUTS, { keys: "Ctrl K", label: "Go to a page, a function or a task" }].map(
            ({ keys, label }) => (
              <Table.Tr key={keys}>
                <Table.Td w={110}>
                  {keys.split(" ").map((key) => (
                    <Kbd key={key} mr={4}>
                      {key === "D" ? "Shift D" : key}
                    </Kbd>
                  ))}
                </Table.Td>
                <Table.Td>{label}</Table.Td>
              </Table.Tr>
            ),
          )}
        </Table.Tbody>
      </Table>
    </Dialog>
  );
}
