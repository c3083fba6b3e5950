import { type InstallationsReport, MAX_LIST_MS, MAX_TIME_RATIO, SIGNED_EVERY_MINUTES } from "./installations.ts";
import type { Figures } from "./measure.ts";

export function installationsText(report: InstallationsReport): string {
  const { warm, timeRatio, crowd, assertions, list } = report;
  return [
    `${presence(report)}.`,
    `Warm: ${report.sampled} narrowed tokens in turn ${figures(warm.product)}, one plain ${figures(warm.ceiling)}; time per request × ${timeRatio.toFixed(2)} (${timeRange(report)}), by CPU × ${byCpu(report)}`,
    `${crowd.callers} callers of a new narrowing: ${crowd.mints} mints in ${crowd.rounds} rounds, ${crowd.errors} errors, slowest ${crowd.slowestMs.toFixed(0)} ms`,
    `${assertions.signed} JWTs of the app in ${assertions.minutes.toFixed(1)} minutes (allowed: ${assertions.allowed})`,
    `A page of ${list.size}: p50 ${list.p50Ms.toFixed(1)} ms, p99 ${list.p99Ms.toFixed(1)} ms over ${list.pages} pages`,
    report.passed ? "passed" : "MISSED",
    "",
  ].join("\n");
}

export function installationsMarkdown(report: InstallationsReport): string {
  const { warm, timeRatio, crowd, assertions, list } = report;
  const row = (...cells: string[]) => `| ${cells.join(" | ")} |`;
  return [
    `${presence(report)}.`,
    "",
    "| | requests/s | p50 ms | p99 ms | CPU µs |",
    "|---|---|---|---|---|",
    row(`${report.sampled} narrowed tokens in turn, warm from memory`, ...cells(warm.product)),
    row("one token that is not narrowed, warm from memory", ...cells(warm.ceiling)),
    "",
    "| | | target | |",
    "|---|---|---|---|",
    row(
      "time per request, narrowed ÷ not narrowed",
      `${timeRatio.toFixed(2)} (rounds ${timeRange(report)}; by CPU ${byCpu(report)})`,
      `≤ ${MAX_TIME_RATIO}`,
      verdict(timeRatio <= MAX_TIME_RATIO),
    ),
    row(
      `mints for ${crowd.callers} callers at once of a narrowing that is new`,
      `${crowd.mints} in ${crowd.rounds} rounds; ${crowd.errors} errors, slowest caller ${crowd.slowestMs.toFixed(0)} ms`,
      "one a round",
      verdict(crowd.mints === crowd.rounds && crowd.errors === 0),
    ),
    row(
      "JWTs of the app that the provider saw",
      `${assertions.signed} in ${assertions.minutes.toFixed(1)} minutes`,
      `one in ${SIGNED_EVERY_MINUTES} minutes`,
      verdict(assertions.signed <= assertions.allowed),
    ),
    row(
      `a page of ${list.size} of the list, ${list.pages} pages in turn, one caller`,
      `p50 ${list.p50Ms.toFixed(1)} ms, p99 ${list.p99Ms.toFixed(1)} ms`,
      `p50 ≤ ${MAX_LIST_MS} ms`,
      verdict(list.p50Ms <= MAX_LIST_MS),
    ),
  ].join("\n");
}

function presence({ installations, narrowings, present, mintedMs, repeated }: InstallationsReport): string {
  const rate = ((installations * narrowings) / mintedMs) * 1000;
  return `${installations} installations, ${narrowings} narrowings of each: ${present} tokens present; all were minted in ${(mintedMs / 60_000).toFixed(1)} minutes (${rate.toFixed(0)}/s, ${repeated} asked again)`;
}

function cells({ requestsPerSecond, p50Ms, p99Ms, cpuUs }: Figures): string[] {
  return [requestsPerSecond.toFixed(0), p50Ms.toFixed(1), p99Ms.toFixed(1), cpuUs?.toFixed(0) ?? "–"];
}

function figures(of: Figures): string {
  const [requests, p50, p99, cpu] = cells(of);
  return `${requests} requests/s, p50 ${p50} ms, p99 ${p99} ms, ${cpu} µs CPU`;
}

/** Comparisons tell requests per second; time is the inverse. */
function timeRange({ warm: { ratioRange } }: InstallationsReport): string {
  const [slowest, fastest] = ratioRange.map((ratio) => (1 / ratio).toFixed(2));
  return `${fastest}–${slowest}`;
}

function byCpu({ warm: { cpuRatio } }: InstallationsReport): string {
  return cpuRatio === null ? "–" : (1 / cpuRatio).toFixed(2);
}

function verdict(passed: boolean): string {
  return passed ? "passed" : "missed";
}
