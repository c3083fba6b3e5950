import type { Delays, LanesReport } from "./lanes.ts";

export function lanesText({ isolation, throughput }: LanesReport): string {
  const { healthy, besideDead, ratio, passed } = isolation;
  const delays = (of: Delays) =>
    `p50 ${of.p50Ms.toFixed(0)}, p95 ${of.p95Ms.toFixed(0)}, p99 ${of.p99Ms.toFixed(0)} ms`;
  return [
    `Nine destinations beside a healthy one: ${delays(healthy)}; beside a dead one: ${delays(besideDead)}; p95 × ${ratio.toFixed(3)}, ${healthy.missing + besideDead.missing} missing, ${passed ? "passed" : "MISSED"}`,
    ...throughput.map(
      (flow) =>
        `To ${flow.destinations}: ${flow.eventsPerSecond.toFixed(0)} events/s arrived, ${flow.acknowledgedPerSecond.toFixed(0)}/s acknowledged, ${flow.missing} of ${flow.events} missing`,
    ),
    "",
  ].join("\n");
}

export function isolationMarkdown({ isolation }: LanesReport): string {
  const { healthy, besideDead, ratio, target, passed, rounds, seconds, eventsPerSecond } = isolation;
  const row = (name: string, of: Delays, rest: string) =>
    `| ${name} | ${of.deliveries} | ${of.missing} | ${of.p50Ms.toFixed(0)} | ${of.p95Ms.toFixed(0)} | ${of.p99Ms.toFixed(0)} | ${rest} |`;
  return [
    `${rounds} rounds of ${seconds} s each, ${eventsPerSecond} events/s to ten destinations.`,
    "",
    "| nine healthy destinations | deliveries | missing | p50 ms | p95 ms | p99 ms | p95, ratio | target | |",
    "|---|---|---|---|---|---|---|---|---|",
    row("beside a tenth healthy one", healthy, "1 | | "),
    row(
      "beside one that never answers",
      besideDead,
      `${ratio.toFixed(3)} | < ${target} | ${passed ? "passed" : "missed"}`,
    ),
  ].join("\n");
}

export function throughputMarkdown({ throughput }: LanesReport): string {
  return [
    "| destinations | events | acknowledged/s | arrived at every destination, events/s | deliveries/s | missing |",
    "|---|---|---|---|---|---|",
    ...throughput.map(
      ({ destinations, events, acknowledgedPerSecond, eventsPerSecond, missing }) =>
        `| ${destinations} | ${events} | ${acknowledgedPerSecond.toFixed(0)} | ${eventsPerSecond.toFixed(0)} | ${(eventsPerSecond * destinations).toFixed(0)} | ${missing} |`,
    ),
  ].join("\n");
}
