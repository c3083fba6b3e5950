import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { root } from "../../scripts/paths.ts";
import { runWrangler, wranglerEnvironment } from "../../scripts/wrangler.ts";

let scratch: string | undefined;

/** Builds what ships, once for all files: the Worker's production bundle, and the client that the package exports. */
export async function setup(project: TestProject): Promise<void> {
  scratch = await mkdtemp(join(tmpdir(), "valetkey-e2e-"));
  const workerDir = join(scratch, "worker");
  // As deployed (`npm run bundle`), and told apart from a development build by nothing.
  await runWrangler(["deploy", "--dry-run", "--minify", "--outdir", workerDir], wranglerEnvironment(scratch));
  await buildClient();
  project.provide("workerDir", workerDir);
}

export async function teardown(): Promise<void> {
  if (scratch !== undefined) await rm(scratch, { recursive: true });
}

/** `npm run build:sdk`, with this process's own Node. */
async function buildClient(): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve("typescript/package.json");
  const tsc = join(dirname(manifest), "bin/tsc");
  await promisify(execFile)(process.execPath, [tsc, "-p", "src/sdk/tsconfig.json"], { cwd: root });
}
