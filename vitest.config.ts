import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                MASTER_KEYS: "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                SETUP_TOKEN: "x",
                PUBLIC_ORIGIN: "http://127.0.0.1:8787",
              },
            },
          })),
        ],
        test: { name: "workerd", include: ["test/**/*.test.ts"], exclude: ["test/e2e/**"] },
      },
    ],
  },
});
