import { Alert, Button, Center, Paper, PasswordInput, Stack, TextInput, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { api } from "../api/client";
import { reconnect } from "../api/live";
import { keys } from "../api/queries";
import { BASE } from "../router";

const route = getRouteApi("/login");

/** Only a path of this site: "//elsewhere" would leave it. */
const safe = (next: string | undefined) => (next && /^\/(?![/\\])/.test(next) ? next : `${BASE}/tasks`);

export default function LoginPage() {
  const { next } = route.useSearch();
  const router = useRouter();
  const cache = useQueryClient();
  const logIn = useMutation({
    mutationFn: api.logIn,
    onSuccess: async (session) => {
      cache.setQueryData(keys.session, session);
      reconnect();
      const target = safe(next);
      if (target.startsWith(`${BASE}/`)) router.history.push(target);
      else window.location.assign(target);
      await cache.invalidateQueries();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    logIn.mutate({ username: String(fields.get("username")), password: String(fields.get("password")) });
  };
  return (
    <Center mt={{ base: 24, sm: 64 }}>
      <title>Log in · Taskdeck</title>
      <Paper withBorder p="xl" radius="md" w="100%" maw={380}>
        <form onSubmit={submit}>
          <Stack gap="md">
            <Title order={1} size="h3">
              Log in
            </Title>
            {logIn.error && (
              <Alert color="red" variant="outline" role="alert">
                {logIn.error.message}
              </Alert>
            )}
            <TextInput name="username" label="User name" autoComplete="username" required />
            <PasswordInput
              name="password"
              label="Password"
              autoComplete="current-password"
              required
              visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
            />
            <Button type="submit" loading={logIn.isPending}>
              Log in
            </Button>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
