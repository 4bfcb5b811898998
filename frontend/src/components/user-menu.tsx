import { Button, Menu } from "@mantine/core";
import { IconLogout, IconTool, IconUser } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import { reconnect } from "../api/live";
import { keys, sessionQuery } from "../api/queries";
import { notifyProblem } from "./notify";

export default function UserMenu() {
  const cache = useQueryClient();
  const user = useQuery(sessionQuery).data?.user;
  const logOut = useMutation({
    mutationFn: api.logOut,
    onSuccess: async () => {
      // First who is asking: a page that is closed to strangers goes before it could read again.
      await cache.invalidateQueries({ queryKey: keys.session });
      reconnect();
      await cache.resetQueries({ predicate: ({ queryKey }) => queryKey[0] !== keys.session[0] });
    },
    onError: (error) => notifyProblem("You are still logged in", error),
  });
  return (
    <Menu position="bottom-end" withinPortal={false} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <Button size="compact-sm" variant="subtle" color="gray" leftSection={<IconUser size={15} />}>
          {user?.username}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {user?.admin_url && (
          <Menu.Item component="a" href={user.admin_url} leftSection={<IconTool size={15} />}>
            Django admin
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => logOut.mutate()}>
          Log out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
