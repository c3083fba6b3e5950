/** The tables of `docs/` that are made from the code. Pure text in, Markdown out; `docs.ts` reads and writes the files. */

export type RouteRow = readonly [method: string, pattern: string, endpoint: RouteFacts];

export interface RouteFacts {
  access: string;
  /** Of management routes. */
  role?: string;
  teamWide?: boolean;
}

/** Who calls: the credentials of a request, as far as routes tell them apart. */
export const CALLERS = ["nobody", "workload", "viewer", "developer", "admin", "owner"] as const;
export type CallerName = (typeof CALLERS)[number];

/** Whether a route lets a caller in at all; `bound` = their token is bound to the project in the path. */
export function admits([, pattern, endpoint]: RouteRow, caller: CallerName, bound = false): boolean {
  if (endpoint.access === "public" || endpoint.access === "provider") return true;
  if (endpoint.access === "runtime") return caller !== "nobody";
  const needed = ([...CALLERS] as string[]).indexOf(endpoint.role ?? "");
  const isOwnPath = pattern.split("/").includes(":p") && endpoint.teamWide !== true;
  return needed > CALLERS.indexOf("workload") && CALLERS.indexOf(caller) >= needed && (!bound || isOwnPath);
}

/** One row for each route, one column for each caller, and whether tokens that are bound to the project pass as well. */
export function roleTable(routes: readonly RouteRow[]): string {
  const rows = routes.map((route) => {
    const mark = (admitted: boolean) => (admitted ? (route[2].access === "runtime" ? "decides" : "yes") : "–");
    return [
      `\`${route[0]} ${route[1]}\``,
      ...CALLERS.map((caller) => mark(admits(route, caller))),
      mark(admits(route, "owner", true)),
    ];
  });
  return table(["route", ...CALLERS, "bound to the project"], rows);
}

/** One row for each route: method and pattern, who may call it, what it does. */
export function routeTable(routes: readonly RouteRow[], summaries: Readonly<Record<string, string>>): string {
  const rows = routes.map(([method, pattern, { access, role }]) => [
    `\`${method} ${pattern}\``,
    role ?? access,
    summaries[`${method} ${pattern}`] ?? "",
  ]);
  return table(["route", "who", "what"], rows);
}

export interface PresetFacts {
  title: string;
  docs: string;
  issuer: string;
  selectorClaim: string;
  algorithms: readonly string[];
  maxTokenAgeMs: number;
  immutableClaims: readonly string[];
  example: { issuer: string; audience?: string; claims: Readonly<Record<string, unknown>> };
}

/** One row for each issuer that is known by name. */
export function presetTable(presets: Record<string, PresetFacts>): string {
  const code = (texts: readonly string[]) => texts.map((text) => `\`${text}\``).join(" ");
  const rows = Object.entries(presets).map(([name, preset]) => [
    `\`${name}\``,
    `[${preset.title}](${preset.docs})`,
    code([preset.issuer]),
    code([preset.selectorClaim]),
    code(preset.immutableClaims) || "none",
    preset.algorithms.join(" "),
    duration(preset.maxTokenAgeMs),
  ]);
  return table(["preset", "vendor's page", "`iss`", "selector claim", "ids", "algorithms", "longest age"], rows);
}

/** The two requests that let in the example workload of an issuer, as Markdown and as what is sent. */
export function presetExample(name: string, { example }: PresetFacts) {
  const audience = example.audience ?? "https://connect.example.com";
  const registration = { preset: name, issuer: example.issuer, audience };
  const rule = { issuer: example.issuer, environment: "production", claims: example.claims };
  const block = (route: string, body: object) => `\`${route}\`\n\n\`\`\`json\n${JSON.stringify(body, null, 2)}\n\`\`\``;
  const markdown = [
    block("POST /v1/issuers", registration),
    block("POST /v1/projects/{project}/identities", rule),
  ].join("\n\n");
  return { registration, rule, markdown };
}

function duration(ms: number): string {
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : `${ms / 60_000} min`;
}

/** The codes of the exhaustive switch in `src/error-codes.ts`, in its order. */
export function errorCodes(errorsSource: string): string[] {
  return [...errorsSource.matchAll(/^\s*case "(\w+)":$/gm)].map(([, code = ""]) => code);
}

/** One row for each code: its status and its default sentence. */
export function errorTable(codes: string[], describe: (code: string) => { status: number; sentence: string }): string {
  const rows = codes.map((code) => {
    const { status, sentence } = describe(code);
    return [`\`${code}\``, String(status), sentence];
  });
  return table(["code", "status", "sentence"], rows);
}

/**
 * Attack row id → the test files (paths below `test/`) that have a test or suite whose title starts with it. Numbers of
 * faults may stand before it.
 */
export function coveredRows(testFiles: Record<string, string>): Map<string, string[]> {
  const covered = new Map<string, string[]>();
  for (const [path, source] of Object.entries(testFiles).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const titles = source.matchAll(/["'`](?:fault \d+ )*((?:[A-Z]-\d{2} )+)\S/g);
    const ids = [...titles].flatMap(([, found = ""]) => found.trim().split(" "));
    for (const id of new Set(ids)) covered.set(id, [...(covered.get(id) ?? []), path]);
  }
  return new Map([...covered].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** One row for each attack row that some test is named after. */
export function coverageTable(covered: Map<string, string[]>, meanings: Record<string, string>): string {
  const rows = [...covered].map(([id, files]) => [
    id,
    meanings[id] ?? "",
    files.map((file) => `\`${file}\``).join(" "),
  ]);
  return table(["row", "attack", "tests, below `test/`"], rows);
}

/** What stands between `<!-- name -->` and `<!-- /name -->`, without surrounding line breaks; null without the marks. */
export function section(markdown: string, name: string): string | null {
  const start = markdown.indexOf(open(name));
  const end = markdown.indexOf(close(name));
  return start < 0 || end < start ? null : markdown.slice(start + open(name).length, end).trim();
}

/** The text with that section replaced. Throws where the marks are missing. */
export function withSection(markdown: string, name: string, content: string): string {
  const before = section(markdown, name);
  if (before === null) throw new Error(`the marks of the section "${name}" are missing`);
  const start = markdown.indexOf(open(name)) + open(name).length;
  return `${markdown.slice(0, start)}\n${content}\n${markdown.slice(markdown.indexOf(close(name)))}`;
}

const open = (name: string) => `<!-- ${name} -->`;
const close = (name: string) => `<!-- /${name} -->`;

/** A table in Markdown. */
export function table(headings: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(headings), `|${headings.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}
