import { readFile } from "node:fs/promises";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig, type Plugin } from "vitest/config";

const secrets = {
  MASTER_KEYS: "k1:dmFsZXRrZXktdGVzdC1vbmx5LW1hc3Rlci1rZXktISE=",
  SETUP_TOKEN: "setup-token-of-the-tests",
  PUBLIC_ORIGIN: "http://127.0.0.1:8787",
};
// wrangler looks for required secrets here and warns otherwise; the bindings below still win over a .dev.vars file.
Object.assign(process.env, secrets);

/** Packages whose source maps name files that they do not ship: a warning for each, some 150 of one package alone. */
const quietSourceMaps: Plugin = {
  name: "quiet-source-maps",
  configResolved({ logger }) {
    const { warnOnce } = logger;
    logger.warnOnce = (message, options) => {
      if (!/^Sourcemap for .+ points to missing source files$/.test(message)) warnOnce(message, options);
    };
  },
};

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [
          quietSourceMaps,
          cloudflareTest(async () => ({
            // The deployed classes, composed with a clock that tests can move.
            main: "./test/worker.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                ...secrets,
                ALLOW_LOOPBACK: "true",
                TEST_SCHEMA: await readFile(new URL("./schema.sql", import.meta.url), "utf8"),
                TEST_EVENTS_SCHEMA: await readFile(new URL("./schema.events.sql", import.meta.url), "utf8"),
              },
            },
          })),
        ],
        test: {
          name: "workerd",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**", "test/browser/**", "test/crashes/**", "test/wycheproof/**"],
          globalSetup: ["./test/global/providers.ts"],
          setupFiles: ["./test/setup.ts"],
        },
      },
      {
        test: {
          name: "e2e",
          environment: "node",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["./test/e2e/global-setup.ts"],
          // Every file starts a Worker and an authorization server of its own: one after the other.
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "crashes",
          environment: "node",
          include: ["test/crashes/**/*.test.ts"],
        },
      },
      {
        test: {
          name: "browser",
          environment: "node",
          include: ["test/browser/**/*.test.ts"],
          globalSetup: ["./test/browser/chromium.ts", "./test/e2e/global-setup.ts"],
          // Each file has a Chromium of its own, and that alone wants both cores.
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
