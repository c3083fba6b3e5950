import { readFile } from "node:fs/promises";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { unstable_readConfig } from "wrangler";
import { MUTATION_UNITS } from "./scripts/mutation-units.ts";
import whole from "./vitest.config.ts";

// The tests that are asked about the mutants of one unit, in workerd as always. See scripts/mutation.ts.
const unit = MUTATION_UNITS[process.env.MUTATION_UNIT ?? ""];
const [workerd] = whole.test?.projects ?? [];
if (unit === undefined) throw new Error("MUTATION_UNIT names no unit of scripts/mutation-units.ts");
if (typeof workerd !== "object" || !("test" in workerd)) throw new Error("vitest.config.ts has no workerd project");
const { test: workerdTest } = workerd;

const forgetProviders = "./test/forget-providers.ts";
const include = unit.tests.map((name) => `test/${name}.test.ts`);
const { compatibility_date: compatibilityDate, compatibility_flags: compatibilityFlags } = unstable_readConfig({
  config: "wrangler.toml",
});

const { MASTER_KEYS = "", SETUP_TOKEN = "", PUBLIC_ORIGIN = "" } = process.env; // from vitest.config.ts
const TEST_SCHEMA = await readFile(new URL("./schema.sql", import.meta.url), "utf8");
const bindings = { MASTER_KEYS, SETUP_TOKEN, PUBLIC_ORIGIN, TEST_SCHEMA };

function small(d1Databases: string[]) {
  const miniflare = { compatibilityDate, compatibilityFlags, bindings, d1Databases };
  const setupFiles = d1Databases.length > 0 ? ["./test/setup.ts", forgetProviders] : [forgetProviders];
  return { plugins: [cloudflareTest({ miniflare })], test: { ...workerdTest, include, setupFiles, isolate: false } };
}

const worlds = {
  nothing: () => small([]),
  database: () => small(["DB"]),
  deployment: () => ({
    ...workerd,
    test: { ...workerdTest, include, setupFiles: ["./test/setup.ts", forgetProviders] },
  }),
};

export default defineConfig(worlds[unit.world]());
