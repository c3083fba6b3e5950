import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { MUTATED_FOLDERS } from "./scripts/mutated-folders.ts";
import "./vitest.config.ts"; // puts the tests' secrets into the environment

// The tests that are asked about the mutants of one folder. They run in Node instead of workerd, where a run takes a
// fraction of a second: docs/mutation.md says what differs.
const folder = process.env.MUTATED_FOLDER ?? "";
const tests = MUTATED_FOLDERS[folder];
if (tests === undefined) throw new Error("MUTATED_FOLDER is none of scripts/mutated-folders.ts");

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** A run ends with the first failure, so what costs least is asked first. */
class CheapestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const costMs = (file: TestSpecification) => this.ctx.cache.getTestSpecificationResult(file)?.duration ?? 0;
    return [...files].sort((a, b) => costMs(a) - costMs(b));
  }
}

export default defineConfig({
  resolve: {
    alias: {
      "cloudflare:workers": path("./test/node/cloudflare-workers.ts"),
      "cloudflare:test": path("./test/node/cloudflare-test.ts"),
      "fast-check": path("./test/node/fast-check.ts"),
    },
  },
  test: {
    include: [`test/${folder}/**/*.test.ts`, ...tests.also.map((name) => `test/${name}.test.ts`)],
    exclude: Object.keys(tests.without).map((name) => `test/${name}.test.ts`),
    globalSetup: ["./test/global/providers.ts"],
    setupFiles: ["./test/node/setup.ts", "./test/setup.ts", "./test/forget-providers.ts"],
    isolate: false,
    expect: { poll: { interval: 2 } },
    sequence: { sequencer: CheapestFirst },
  },
});
