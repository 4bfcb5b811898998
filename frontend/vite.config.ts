import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const own = (file: string) => fileURLToPath(new URL(`./src/forms/${file}`, import.meta.url));

export default defineConfig({
  base: "/static/console/",
  plugins: [react()],
  // @rjsf/core's index re-exports a test helper that imports ajv (undeclared); ajv needs eval, ours does not.
  resolve: {
    alias: {
      "@rjsf/validator-ajv8": own("validator.ts"),
      "markdown-to-jsx/react": own("plain-text.tsx"),
    },
  },
  build: {
    manifest: "manifest.json",
    outDir: "../tasks_app/static/console",
    emptyOutDir: true,
    // Lightning CSS lowers light-dark() to --lightningcss-* variables that Mantine never sets.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    chunkSizeWarningLimit: 500,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [{ name: "react", test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/ }],
        },
      },
    },
  },
  server: {
    proxy: { "/api": "http://127.0.0.1:8000", "/ws": { target: "ws://127.0.0.1:8000", ws: true } },
  },
  test: {
    environment: "jsdom",
    setupFiles: ["src/test-setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    css: false,
    // @rjsf/mantine imports "dayjs/plugin/x" without an extension, which Node refuses.
    server: { deps: { inline: [/@rjsf\/(core|mantine)\//] } },
  },
});
