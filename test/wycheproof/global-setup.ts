import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { VECTOR_FILES } from "./files.ts";

/** Gives the tests the vectors that `WYCHEPROOF_DIR` has; throws where it is unset or lacks one. */
export async function setup(project: TestProject): Promise<void> {
  const directory = process.env.WYCHEPROOF_DIR;
  if (directory === undefined) throw new Error("Run these by: npm run test:wycheproof");
  const texts = await Promise.all(
    VECTOR_FILES.map(async (name) => [name, await readFile(join(directory, name), "utf8")]),
  );
  project.provide("wycheproof", Object.fromEntries(texts));
}
