import { readFile, writeFile } from "node:fs/promises";
import type { ClientFigures } from "./client.ts";
import type { InstallationsReport } from "./installations.ts";
import type { LanesReport } from "./lanes.ts";
import type { MachineFacts } from "./machine.ts";
import type { Comparison, Effort, Figures } from "./measure.ts";
import type { RefreshReport } from "./refresh-report.ts";
import type { Sizes } from "./sizes.ts";

export interface RowReport extends Comparison {
  id: string;
  name: string;
  ceilingName: string;
  target: number;
  passed: boolean;
}

export interface Report {
  machine: MachineFacts;
  command: string;
  effort: Effort;
  rows: RowReport[];
  refreshes: RefreshReport;
  lanes: LanesReport | null;
  installations: InstallationsReport | null;
  sizes: Sizes;
  client: ClientFigures;
}

export function asText(report: Report): string {
  const lines = report.rows.flatMap((row) => [
    "",
    `${row.name}: ${row.ratio.toFixed(2)} of its ceiling, target ${row.target}, ${row.passed ? "passed" : "MISSED"}`,
    `  product  ${figures(row.product)}`,
    `  ceiling  ${figures(row.ceiling)}  (${row.ceilingName})`,
    `  rounds   ${row.ratioRange.map((ratio) => ratio.toFixed(2)).join(" to ")}; by CPU time ${ratioText(row.cpuRatio)}`,
    `  rungs    ${rungs(row.rungs)}`,
  ]);
  return `${[...lines, "", ...limits(report).map(({ name, value, limit }) => `${name}: ${value} (${limit})`)].join("\n")}\n`;
}

function figures({ requestsPerSecond, p50Ms, p99Ms, cpuUs }: Figures): string {
  const cpu = cpuUs === null ? "" : `  ${cpuUs.toFixed(0)} µs CPU a request`;
  return `${requestsPerSecond.toFixed(0)} requests/s  p50 ${p50Ms.toFixed(1)} ms  p99 ${p99Ms.toFixed(1)} ms${cpu}`;
}

/** When, by what and on what it was measured. */
export function machineLine({ machine, command }: Pick<Report, "machine" | "command">): string {
  return [
    `Measured ${machine.date} by \`${command}\` on ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB,`,
    `${machine.system}; Node ${machine.node}, workerd ${machine.workerd}; load average ${machine.loadAverage.toFixed(1)} when it began.`,
  ].join("\n");
}

export function asMarkdown(report: Report): string {
  const { effort } = report;
  return [
    machineLine(report),
    `${effort.connections} connections, ${effort.rounds} rounds of ${effort.requests} requests for each side in turn, medians.`,
    "",
    "| row | ceiling | requests/s | p50 ms | p99 ms | CPU µs | ratio | range | by CPU | target | |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
    ...report.rows.map(rowOfTable),
    "",
    "Numbers are product / ceiling.",
    "",
    "| | | limit |",
    "|---|---|---|",
    ...limits(report).map(({ name, value, limit }) => `| ${name} | ${value} | ${limit} |`),
  ].join("\n");
}

function rowOfTable(row: RowReport): string {
  const { product, ceiling } = row;
  const both = (pick: (side: Figures) => number | null, digits: number) =>
    [product, ceiling].map((side) => pick(side)?.toFixed(digits) ?? "–").join(" / ");
  const cells = [
    row.name,
    row.ceilingName,
    both(({ requestsPerSecond }) => requestsPerSecond, 0),
    both(({ p50Ms }) => p50Ms, 1),
    both(({ p99Ms }) => p99Ms, 1),
    both(({ cpuUs }) => cpuUs, 0),
    row.ratio.toFixed(2),
    row.ratioRange.map((ratio) => ratio.toFixed(2)).join("–"),
    ratioText(row.cpuRatio),
    `≥ ${row.target}`,
    row.passed ? "passed" : "missed",
  ];
  return `| ${cells.join(" | ")} |`;
}

function limits({ sizes, client }: Report): { name: string; value: string; limit: string }[] {
  return [
    { name: "Worker, minified and gzipped", value: `${sizes.workerGzipKib.toFixed(1)} KiB`, limit: "≤ 200 KiB" },
    { name: "Worker start-up", value: `${sizes.startupMs.toFixed(0)} ms`, limit: "≤ 400 ms" },
    { name: "Client, minified and gzipped", value: `${sizes.clientGzipKib.toFixed(1)} KiB`, limit: "≤ 6 KiB" },
    {
      name: "Client, warm `getToken`",
      value: `${client.getTokenUs.toFixed(2)} µs; a bare \`Map.get\` ${client.mapGetUs.toFixed(2)} µs`,
      limit: "< 20 µs",
    },
  ];
}

function ratioText(ratio: number | null): string {
  return ratio === null ? "–" : ratio.toFixed(2);
}

function rungs(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([rung, count]) => `${rung} ${count}`)
    .join(", ");
}

/** Put a table between two markers of the document; what stands around it is written by hand. */
export async function updateDocument(path: string, name: string, table: string): Promise<void> {
  const [start, end] = [`<!-- ${name}:start -->`, `<!-- ${name}:end -->`];
  const document = await readFile(path, "utf8");
  const [before, rest] = document.split(start);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${path} lacks the markers ${start} and ${end}.`);
  await writeFile(path, `${before}${start}\n${table}\n${end}${after}`);
}
