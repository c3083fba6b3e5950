import { spawn } from "node:child_process";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withSection } from "./doc-tables.ts";
import { MUTATED_FOLDERS } from "./mutated-folders.ts";
import { root } from "./paths.ts";

// `npm run mutation`, or `npm run mutation -- crypto grants`: changes the code in small ways, one at a time, and runs
// the folder's tests on each change. Reports are in reports/mutation/, and are reused for what has not changed since.
// Once there is a report of every folder, the table in docs/mutation.md is renewed.

interface Report {
  files: Record<string, { mutants: { status: string }[] }>;
}

const asked = process.argv.slice(2);
const folders = Object.keys(MUTATED_FOLDERS);
for (const folder of asked.length > 0 ? asked : folders) {
  if (!folders.includes(folder)) throw new Error(`${folder} is none of ${folders.join(", ")}`);
  await stryker(folder);
  process.stdout.write(`${rowOf(folder, await read(folder))}\n`);
}

const reports = await Promise.all(folders.map((folder) => read(folder).catch(() => null)));
const rows = reports.flatMap((report, index) => (report === null ? [] : [rowOf(folders[index] ?? "", report)]));
const heading =
  "| folder | mutants | killed | timed out | survived | not reached | score |\n|---|---|---|---|---|---|---|";
if (rows.length === folders.length) {
  const path = join(root, "docs", "mutation.md");
  const markdown = await readFile(path, "utf8");
  await writeFile(path, withSection(markdown, "mutation", [heading, ...rows].join("\n")));
} else process.stdout.write("not every folder has a report; the table stays as it is\n");

async function stryker(folder: string): Promise<void> {
  const bin = join(root, "node_modules", "@stryker-mutator", "core", "bin", "stryker.js");
  // A run that is interrupted leaves what it has there, to be continued; only one that ended is a report.
  const soFar = join("reports", "mutation", "so-far", `${folder}.json`);
  const incremental = ["--incremental", "--incrementalFile", soFar];
  const spared = Object.keys(MUTATED_FOLDERS[folder]?.spared ?? {}).map((name) => `!src/${folder}/${name}.ts`);
  const mutated = [`src/${folder}/**/*.ts`, ...spared].join(",");
  const child = spawn(process.execPath, [bin, "run", ...incremental, "--mutate", mutated], {
    cwd: root,
    env: { ...process.env, MUTATED_FOLDER: folder },
    stdio: "inherit",
  });
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  if (code !== 0) throw new Error(`the run of ${folder} failed`);
  await copyFile(join(root, soFar), reportOf(folder));
}

function reportOf(folder: string): string {
  return join(root, "reports", "mutation", `${folder}.json`);
}

async function read(folder: string): Promise<Report> {
  return JSON.parse(await readFile(reportOf(folder), "utf8"));
}

function rowOf(folder: string, { files }: Report): string {
  const all = Object.values(files).flatMap(({ mutants }) => mutants);
  const count = (...statuses: string[]) => all.filter(({ status }) => statuses.includes(status)).length;
  const mutants = count("Killed", "Timeout", "Survived", "NoCoverage");
  const score = ((100 * count("Killed", "Timeout")) / mutants).toFixed(1);
  const cells = [mutants, count("Killed"), count("Timeout"), count("Survived"), count("NoCoverage"), `${score} %`];
  return `| \`src/${folder}\` | ${cells.join(" | ")} |`;
}
