export interface LintCase {
  /** Where the code would stand. Each case has a file of its own. */
  path: string;
  /** As Biome names it; "plugin" is a GritQL plugin. */
  rule: string;
  code: string;
}

const GLOBALS = "lint/style/noRestrictedGlobals";
const PROPERTIES = "lint/nursery/noJsRestrictedProperties";
const IMPORTS = "lint/style/noRestrictedImports";
const FLOATING = "lint/nursery/noFloatingPromises";
const ACCESSIBILITY = "lint/style/useConsistentMemberAccessibility";
const DEFAULT_EXPORT = "lint/style/noDefaultExport";
const LINES = "lint/style/noExcessiveLinesPerFile";
const SQL = "plugin";

const IMPORT_SQL = 'import { type Database, sql } from "../store/database.ts";\n';
const lines = (count: number) => Array.from({ length: count }, (_, index) => `export const C${index} = ${index};\n`);

const breach = (rule: string, name: string, code: string, folder = "src/grants"): LintCase => ({
  path: `${folder}/lint-breach-${name}`,
  rule,
  code,
});
const fine = (rule: string, name: string, code: string, folder = "src/grants"): LintCase => ({
  path: `${folder}/lint-fine-${name}`,
  rule,
  code,
});

/** What each rule must find. */
export const BREACHES: LintCase[] = [
  breach("lint/suspicious/noExplicitAny", "any.ts", "export function f(x: any) {\n  return x;\n}\n"),
  breach("lint/style/noNonNullAssertion", "assertion.ts", "export const f = (x: string | null) => x!.length;\n"),

  breach(
    FLOATING,
    "floating-database.ts",
    `${IMPORT_SQL}export function f({ db }: { db: Database }) {\n  db.run(sql("x"));\n}\n`,
  ),
  breach(
    FLOATING,
    "floating-service.ts",
    'import type { Services } from "../services.ts";\nexport function f(services: Services) {\n  services.nudgeHousekeeper();\n}\n',
  ),
  breach(FLOATING, "floating-local.ts", "async function g() {}\nexport function f() {\n  g();\n}\n"),

  breach(ACCESSIBILITY, "private.ts", "export class A {\n  private x = 1;\n}\n"),
  breach(ACCESSIBILITY, "public.ts", "export class A {\n  public f() {}\n}\n"),
  breach(ACCESSIBILITY, "protected.ts", "export class A {\n  protected f() {}\n}\n"),

  breach(GLOBALS, "fetch.ts", 'export const f = () => fetch("https://x.example");\n'),
  breach(GLOBALS, "fetch-alias.ts", "export const send = fetch;\n"),
  breach(GLOBALS, "fetch-in-crypto.ts", 'export const f = () => fetch("https://x.example");\n', "src/crypto"),
  breach(PROPERTIES, "global-fetch.ts", 'export const f = () => globalThis.fetch("https://x.example");\n'),

  breach(GLOBALS, "subtle.ts", 'export const f = (x: Uint8Array) => crypto.subtle.digest("SHA-256", x);\n'),
  breach(GLOBALS, "random-values.ts", "export const f = () => crypto.getRandomValues(new Uint8Array(1));\n"),
  breach(GLOBALS, "uuid.ts", "export const f = () => crypto.randomUUID();\n"),
  breach(GLOBALS, "uuid-in-outbound.ts", "export const f = () => crypto.randomUUID();\n", "src/outbound"),
  breach(PROPERTIES, "global-crypto.ts", "export const f = () => globalThis.crypto.randomUUID();\n"),

  breach(PROPERTIES, "env-member.ts", "export const f = (env: Env) => env.DB;\n"),
  breach(IMPORTS, "env-import.ts", 'import { env } from "cloudflare:workers";\nexport const f = () => env;\n'),
  breach(
    IMPORTS,
    "env-renamed.ts",
    'import { env as bindings } from "cloudflare:workers";\nexport const f = () => bindings;\n',
  ),

  breach("lint/suspicious/noConsole", "console.ts", 'export const f = () => console.log("x");\n'),
  breach("lint/suspicious/noConsole", "console.test.ts", 'console.warn("x");\n', "test/grants"),
  breach(DEFAULT_EXPORT, "default.ts", "export default 1;\n"),
  breach(DEFAULT_EXPORT, "default.test.ts", "export default 1;\n", "test/grants"),

  breach(SQL, "sql-template.ts", `${IMPORT_SQL}export const f = (id: string) => sql(\`SELECT \${id}\`, 1);\n`),
  breach(SQL, "sql-late.ts", `${IMPORT_SQL}const A = "a";\nexport const f = (id: string) => sql(\`\${A} \${id}\`);\n`),
  breach(SQL, "sql-concatenated.ts", `${IMPORT_SQL}export const f = (id: string) => sql("SELECT " + id);\n`),
  breach(
    SQL,
    "sql-chosen.ts",
    `${IMPORT_SQL}export const f = (id: string) => sql(id === "" ? "SELECT 1" : \`SELECT \${id}\`);\n`,
  ),
  breach(SQL, "sql-prepare.ts", `export const f = (d1: D1Database, id: string) => d1.prepare(\`SELECT \${id}\`);\n`),

  breach(
    "lint/security/noDangerouslySetInnerHtml",
    "html.tsx",
    "export const p = (__html: string) => <p dangerouslySetInnerHTML={{ __html }} />;\n",
  ),
  breach(PROPERTIES, "date-now.ts", "export const f = () => Date.now();\n"),
  breach(PROPERTIES, "date-now-alias.ts", "export const now = Date.now;\n"),
  breach(PROPERTIES, "math-random.ts", "export const f = () => Math.random();\n"),

  breach(LINES, "long.ts", lines(251).join("")),
  breach(LINES, "long.ts", lines(251).join(""), "scripts"),
  breach("suppressions/parse", "no-reason.ts", "// biome-ignore lint/suspicious/noExplicitAny\nexport type A = any;\n"),
];

/** What the same rules must let through, where it belongs. */
export const LEGITIMATE: LintCase[] = [
  fine(GLOBALS, "fetch.ts", 'export const f = () => fetch("https://x.example");\n', "src/outbound"),
  fine(GLOBALS, "fetch.ts", 'export const f = () => fetch("https://x.example");\n', "src/sdk"),
  fine(GLOBALS, "crypto.ts", "export const f = () => crypto.randomUUID();\n", "src/crypto"),
  fine(FLOATING, "awaited.ts", `${IMPORT_SQL}export const f = async (db: Database) => await db.run(sql("x"));\n`),
  fine(SQL, "sql-constant.ts", `${IMPORT_SQL}const A = "a";\nexport const f = () => sql(\`SELECT \${A}\`, 1);\n`),
  fine(
    SQL,
    "sql-table.ts",
    `${IMPORT_SQL}const BY = { id: "id" };\nexport const f = (k: "id") => sql(\`SELECT \${BY[k]}\`);\n`,
  ),
  fine(SQL, "sql-value.ts", `${IMPORT_SQL}export const f = (id: string) => sql("SELECT ?", \`a\${id}\`, "b" + id);\n`),
  fine(LINES, "long.ts", lines(250).join("")),
];
