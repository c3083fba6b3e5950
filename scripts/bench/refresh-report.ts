import type { CrowdReport } from "./crowd.ts";
import { ASK_EVERY_MS, type FloodReport, type Latencies, SPAN_MS, TARGET_MS } from "./flood.ts";

export interface RefreshReport {
  crowds: CrowdReport[];
  flood: FloodReport | null;
}

export function refreshText({ crowds, flood }: RefreshReport): string {
  const lines = crowds.map(
    (crowd) =>
      `${crowd.callers} callers of one expired grant: slowest ${ms(crowd.slowestMs.median)} (worst ${ms(crowd.slowestMs.worst)}), provider ${ms(crowd.providerMs)}, bare calls ${ms(crowd.bareMs)}; ${crowd.refreshes} refreshes in ${crowd.rounds} rounds, ${crowd.errors} errors, ${crowd.passed ? "passed" : "MISSED"}`,
  );
  if (flood !== null) {
    lines.push(
      `${flood.grants} grants due at once: ${flood.refreshed} refreshed, ${flood.passed ? "passed" : "MISSED"}`,
      `  per ${SPAN_MS / 1000} s  ${flood.perSpan.join(" ")}`,
      `  at once   ${Object.entries(flood.underWay)
        .map(([number, share]) => `${number}: ${percent(share)}`)
        .join(", ")} (permits: ${flood.permits})`,
      `  a caller  quiet ${latencies(flood.quiet)}; flooded ${latencies(flood.flooded)}`,
    );
  }
  return lines.length === 0 ? "" : `\n${lines.join("\n")}\n`;
}

/** The tables of one run; parts that it did not measure are missing. */
export function refreshMarkdown({ crowds, flood }: RefreshReport): string {
  return [...crowdTable(crowds), ...(flood === null ? [] : floodTables(flood))].join("\n");
}

function crowdTable(crowds: CrowdReport[]): string[] {
  if (crowds.length === 0) return [];
  return [
    "| callers at once | slowest caller ms (worst round) | provider ms | slowest − provider ms (worst) | as many bare object calls, slowest ms | refreshes / rounds | errors | target | |",
    "|---|---|---|---|---|---|---|---|---|",
    ...crowds.map(
      ({ callers, slowestMs, providerMs, overheadMs, bareMs, refreshes, rounds, errors, targetMs, passed }) => {
        const spread = (of: { median: number; worst: number }) => `${of.median.toFixed(0)} (${of.worst.toFixed(0)})`;
        const cells = [
          callers,
          spread(slowestMs),
          providerMs.toFixed(0),
          spread(overheadMs),
          bareMs.toFixed(0),
          `${refreshes} / ${rounds}`,
          errors,
          targetMs === null ? "one refresh, no error" : `≤ ${targetMs} ms over the provider`,
          passed ? "passed" : "missed",
        ];
        return `| ${cells.join(" | ")} |`;
      },
    ),
    "",
  ];
}

function floodTables({
  grants,
  refreshed,
  perSpan,
  underWay,
  permits,
  providerMs,
  quiet,
  flooded,
  reuses,
  passed,
}: FloodReport): string[] {
  const spans = perSpan.map((_, index) => `${(index * SPAN_MS) / 1000}–${((index + 1) * SPAN_MS) / 1000} s`);
  const numbers = Object.keys(underWay);
  const row = (cells: (string | number)[]) => `| ${cells.join(" | ")} |`;
  const rule = (count: number) => `|${"---|".repeat(count)}`;
  const caller = (name: string, of: Latencies) =>
    row([name, of.asks, of.errors, of.p50Ms.toFixed(0), of.p99Ms.toFixed(0), of.slowestMs.toFixed(0)]);
  return [
    `${grants} grants of one connector due at once, ${refreshed} of them refreshed before their tokens ended, ${reuses} spent refresh tokens presented; the provider takes ${providerMs} ms: ${passed ? "passed" : "missed"}.`,
    "",
    row(["refreshed after", ...spans]),
    rule(spans.length + 1),
    row(["grants", ...perSpan]),
    "",
    row([`calls of the provider at once (permits: ${permits})`, ...numbers]),
    rule(numbers.length + 1),
    row(["share", ...Object.values(underWay).map(percent)]),
    "",
    row([
      `a caller every ${ASK_EVERY_MS} ms, each time with another expired grant`,
      "asks",
      "errors",
      "p50 ms",
      "p99 ms",
      "slowest ms",
    ]),
    rule(6),
    caller("before", quiet),
    caller(`meanwhile (target: p99 ≤ provider + ${TARGET_MS} ms)`, flooded),
  ];
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function latencies({ asks, errors, p50Ms, p99Ms, slowestMs }: Latencies): string {
  return `${asks} asks, ${errors} errors, p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}, slowest ${ms(slowestMs)}`;
}
