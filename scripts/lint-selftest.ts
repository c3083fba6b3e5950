import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BREACHES, LEGITIMATE, type LintCase } from "./lint-cases.ts";
import { root } from "./paths.ts";

// `npm run lint`: every architecture rule fires on a breach of it, and stays silent where the code is legitimate.

const biome = fileURLToPath(new URL("../node_modules/@biomejs/biome/bin/biome", import.meta.url));

interface Report {
  diagnostics: { category: string; location: { path: string } }[];
}

/** The rules that fired, by file, in a copy of the repository to which the cases were added. */
async function lint(cases: LintCase[]): Promise<Map<string, string[]>> {
  const copy = await mkdtemp(join(tmpdir(), "valetkey-lint-"));
  try {
    for (const part of ["biome.json", "lint", "src", "package.json", "tsconfig.json", ".gitignore"]) {
      await cp(join(root, part), join(copy, part), { recursive: true });
    }
    for (const { path, code } of cases) {
      await mkdir(dirname(join(copy, path)), { recursive: true });
      await writeFile(join(copy, path), code);
    }
    const paths = cases.map(({ path }) => path);
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [biome, "lint", "--reporter=json", "--max-diagnostics=none", ...paths],
      { cwd: copy, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
    );
    if (!stdout.startsWith("{")) throw new Error(`biome gave no report: ${stderr}`);
    const report: Report = JSON.parse(stdout);
    return new Map(
      paths.map((path) => [
        path,
        report.diagnostics.filter(({ location }) => location.path === path).map(({ category }) => category),
      ]),
    );
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

const fired = await lint([...BREACHES, ...LEGITIMATE]);
const missed = BREACHES.filter(({ path, rule }) => !fired.get(path)?.includes(rule));
const overdone = LEGITIMATE.filter(({ path, rule }) => fired.get(path)?.includes(rule));
for (const { path, rule } of missed) console.error(`lint selftest: ${rule} does not fire in ${path}`);
for (const { path, rule } of overdone) console.error(`lint selftest: ${rule} fires in ${path}, which is legitimate`);
if (missed.length + overdone.length > 0) process.exitCode = 1;
else console.log(`lint selftest: ${BREACHES.length} breaches found, ${LEGITIMATE.length} legitimate cases passed`);
