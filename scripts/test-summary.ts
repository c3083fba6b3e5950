import { readFile } from "node:fs/promises";

// `npm run --silent test:summary -- report.json …`: one line from vitest's JSON reports.

interface JsonReport {
  success: boolean;
  numPassedTests: number;
  numFailedTests: number;
  testResults: { status: string; assertionResults: unknown[] }[];
}

const counts = await Promise.all(process.argv.slice(2).map(countsOf));
const total = (of: "passed" | "failed") => counts.reduce((sum, count) => sum + count[of], 0);
process.stdout.write(`${total("passed")} passed, ${total("failed")} failed\n`);

async function countsOf(path: string): Promise<{ passed: number; failed: number }> {
  const text = await readFile(path, "utf8").catch(() => null);
  if (text === null) return { passed: 0, failed: 1 };
  const report: JsonReport = JSON.parse(text);
  // A file that does not even load has no failed tests of its own, and must not look like success.
  const broken = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  const failed = report.numFailedTests + broken.length;
  // Neither must a run that did not even begin.
  return { passed: report.numPassedTests, failed: report.success ? failed : Math.max(failed, 1) };
}
