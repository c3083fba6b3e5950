import { readFile } from "node:fs/promises";

// `npm run --silent test:summary -- report.json`: one line from vitest's JSON report.

interface JsonReport {
  numPassedTests: number;
  numFailedTests: number;
  testResults: { status: string; assertionResults: unknown[] }[];
}

const report: JsonReport = JSON.parse(await readFile(process.argv[2] ?? "", "utf8"));
// A file that does not even load has no failed tests of its own, and must not look like success.
const brokenFiles = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
process.stdout.write(`${report.numPassedTests} passed, ${report.numFailedTests + brokenFiles.length} failed\n`);
