import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ATTACK_ROWS } from "./attack-rows.ts";
import {
  coverageTable,
  coveredRows,
  errorCodes,
  errorTable,
  type PresetFacts,
  presetExample,
  presetTable,
  type RouteRow,
  roleTable,
  routeTable,
  withSection,
} from "./doc-tables.ts";
import "./load-jsx.ts";
import { root } from "./paths.ts";
import { type ProviderFacts, providerTable } from "./webhook-table.ts";

// `node scripts/docs.ts` renews the tables of docs/ that are made from the code and the tests.

// By variable paths: the Worker's types are not those of these scripts.
const [routesModule, summariesModule, errorsModule, issuersModule, providersModule] = [
  "../src/routes.ts",
  "../src/reference/summaries.ts",
  "../src/error-codes.ts",
  "../src/callers/known-issuers.ts",
  "../src/triggers/recipes/registry.ts",
];
const { ROUTES }: { ROUTES: readonly RouteRow[] } = await import(routesModule);
const { SUMMARIES }: { SUMMARIES: Record<string, string> } = await import(summariesModule);
const { describeError }: { describeError: (code: string) => { status: number; sentence: string } } = await import(
  errorsModule
);

const { KNOWN_ISSUERS }: { KNOWN_ISSUERS: Record<string, PresetFacts> } = await import(issuersModule);

const read = (path: string) => readFile(join(root, path), "utf8");

async function renew(path: string, sections: Record<string, string>): Promise<void> {
  let markdown = await read(path);
  for (const [name, content] of Object.entries(sections)) markdown = withSection(markdown, name, content);
  await writeFile(join(root, path), markdown);
}

const paths = (await readdir(join(root, "test"), { recursive: true }))
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".test.ts"));
const tests = await Promise.all(paths.map(async (path) => [path, await read(`test/${path}`)] as const));

await renew("docs/api.md", {
  routes: routeTable(ROUTES, SUMMARIES),
  roles: roleTable(ROUTES),
  errors: errorTable(errorCodes(await read("src/error-codes.ts")), describeError),
});
await renew("docs/security.md", { coverage: coverageTable(coveredRows(Object.fromEntries(tests)), ATTACK_ROWS) });
const examples = Object.entries(KNOWN_ISSUERS).map(([name, preset]) => [
  `example ${name}`,
  presetExample(name, preset).markdown,
]);
await renew("docs/callers.md", { presets: presetTable(KNOWN_ISSUERS), ...Object.fromEntries(examples) });
const { PROVIDERS }: { PROVIDERS: ReadonlyMap<string, ProviderFacts> } = await import(providersModule);
await renew("docs/webhook-providers.md", { providers: providerTable(PROVIDERS) });
