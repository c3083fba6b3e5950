import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withSection } from "./doc-tables.ts";
import { MUTATION_UNITS, type MutationUnit, mutatedFiles } from "./mutation-units.ts";
import { root } from "./paths.ts";

// `npm run mutation`, or `npm run mutation -- crypto grants`: changes the code in small ways, one at a time, and runs
// the unit's tests on each change. Reports are in reports/mutation/, and are reused for what has not changed since.
// Once there is a report of every unit, the table in docs/mutation.md is renewed.

interface Report {
  files: Record<string, { mutants: { status: string }[] }>;
}

const reportOf = (name: string) => join(root, "reports", "mutation", `${name}.json`);

const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : Object.keys(MUTATION_UNITS)) {
  const unit = MUTATION_UNITS[name];
  if (unit === undefined) throw new Error(`no such unit: ${name}`);
  await stryker(name, unit);
  process.stdout.write(`${rowOf(name, [await read(name)])}\n`);
}

const rows: string[] = [];
for (const folder of new Set(Object.values(MUTATION_UNITS).map((unit) => unit.folder))) {
  const names = Object.keys(MUTATION_UNITS).filter((name) => MUTATION_UNITS[name]?.folder === folder);
  const reports = await Promise.all(names.map((name) => read(name).catch(() => null)));
  const complete = reports.filter((report) => report !== null);
  if (complete.length === names.length) rows.push(rowOf(`src/${folder}`, complete));
  else process.stdout.write(`src/${folder} has not been run as a whole; the table stays as it is\n`);
}
const heading =
  "| folder | mutants | killed | timed out | survived | not reached | score |\n|---|---|---|---|---|---|---|";
if (rows.length === new Set(Object.values(MUTATION_UNITS).map((unit) => unit.folder)).size) {
  const path = join(root, "docs", "mutation.md");
  const markdown = await readFile(path, "utf8");
  await writeFile(path, withSection(markdown, "mutation", [heading, ...rows].join("\n")));
}

async function stryker(name: string, unit: MutationUnit): Promise<void> {
  const bin = join(root, "node_modules", "@stryker-mutator", "core", "bin", "stryker.js");
  const incremental = ["--incremental", "--incrementalFile", join("reports", "mutation", `${name}.json`)];
  const child = spawn(process.execPath, [bin, "run", ...incremental, "--mutate", mutatedFiles(unit).join(",")], {
    cwd: root,
    env: { ...process.env, MUTATION_UNIT: name },
    stdio: "inherit",
  });
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  if (code !== 0) throw new Error(`the run of ${name} failed`);
}

async function read(name: string): Promise<Report> {
  return JSON.parse(await readFile(reportOf(name), "utf8"));
}

function rowOf(title: string, reports: Report[]): string {
  const all = reports.flatMap(({ files }) => Object.values(files).flatMap(({ mutants }) => mutants));
  const count = (...statuses: string[]) => all.filter(({ status }) => statuses.includes(status)).length;
  const mutants = count("Killed", "Timeout", "Survived", "NoCoverage");
  const score = ((100 * count("Killed", "Timeout")) / mutants).toFixed(1);
  const cells = [mutants, count("Killed"), count("Timeout"), count("Survived"), count("NoCoverage"), `${score} %`];
  return `| \`${title}\` | ${cells.join(" | ")} |`;
}
