import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createConfig, formatProblems, lintFromString } from "@redocly/openapi-core";
import { root } from "./paths.ts";

// `npm run openapi:lint`: hold public/openapi.json to OpenAPI 3.1 and to the linter's recommended rules.

const path = join(root, "public/openapi.json");
const config = await createConfig({
  extends: ["recommended"],
  rules: {
    // Tags group the reference page by their names, which say it all.
    "tag-description": "off",
    // The deployment's own address is the server; it is known only at run time.
    "no-server-example.com": "off",
  },
});
const problems = await lintFromString({ source: await readFile(path, "utf8"), absoluteRef: path, config });
const errors = problems.filter(({ severity }) => severity === "error").length;
if (problems.length > 0) {
  const totals = { errors, warnings: problems.length - errors, ignored: 0 };
  formatProblems(problems, { format: "stylish", totals, version: "" });
}
process.stdout.write(`openapi: ${problems.length} problems\n`);
process.exit(problems.length > 0 ? 1 : 0);
