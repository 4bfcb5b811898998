import "@mantine/core/styles.layer.css";
import "./app.css";
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { connectLive } from "./api/live";
import { printInLight } from "./components/printing";
import { Toasts } from "./components/toasts";
import { router } from "./router";
import { cssVariablesResolver, theme } from "./theme";

const cache = new QueryClient({ defaultOptions: { queries: { staleTime: 2_000, retry: false } } });
connectLive(cache);
printInLight();
createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={cssVariablesResolver} defaultColorScheme="auto">
      <QueryClientProvider client={cache}>
        <RouterProvider router={router} />
      </QueryClientProvider>
      <Toasts />
    </MantineProvider>
  </StrictMode>,
);
