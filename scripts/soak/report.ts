import type { MachineFacts } from "../bench/machine.ts";
import { machineLine } from "../bench/report.ts";
import type { Loss } from "./loss.ts";
import type { Memory } from "./memory.ts";

export interface SoakReport {
  loss: Loss;
  memory: Memory | null;
}

export function asText({ loss, memory }: SoakReport): string {
  const lines = rowsOf(loss).map(([name, value]) => `${name}: ${value}`);
  const sizes = (memory?.sizes ?? []).map(
    ({ bodyMib, events, beforeMib, peakMib, afterMib, arrived }) =>
      `${bodyMib} MiB: ${arrived} of ${events} arrived; memory ${mib(beforeMib)} before, ${mib(peakMib)} at most, ${mib(afterMib)} after`,
  );
  return [...lines, ...sizes].join("\n");
}

export function asMarkdown({ loss, memory }: SoakReport, machine: MachineFacts, command: string): string {
  const sizes = (memory?.sizes ?? []).map(
    ({ bodyMib, events, beforeMib, peakMib, afterMib, arrived }) =>
      `| ${bodyMib} MiB | ${arrived} of ${events} | ${mib(beforeMib)} | ${mib(peakMib)} | ${mib(afterMib)} |`,
  );
  return [
    machineLine({ machine, command }),
    "",
    "| | |",
    "|---|---|",
    ...rowsOf(loss).map(([name, value]) => `| ${name} | ${value} |`),
    ...(sizes.length === 0
      ? []
      : ["", "| bodies of | arrived | memory before | at most | after |", "|---|---|---|---|---|", ...sizes]),
  ].join("\n");
}

function rowsOf(loss: Loss): [string, string][] {
  const { events, kills, failing } = loss;
  return [
    ["events acknowledged", String(events)],
    ["deaths of the deployment (SIGKILL)", String(kills)],
    ["attempts that the destination fails", `${(failing * 100).toFixed(0)} %`],
    ["sent again by the provider for want of an answer", String(loss.resent)],
    ["attempts at the destination", String(loss.attempts)],
    ["**events lost**", `**${loss.lost}**`],
    ["**events taken more than once**", `**${loss.doubled}** (${((100 * loss.doubled) / events).toFixed(2)} %)`],
    ["events under more than one event id", String(loss.severalIds)],
    ["events with other bytes than were sent", String(loss.altered)],
    ["sending took", `${loss.sendingSeconds.toFixed(0)} s`],
    ["the last one arrived after", `${loss.settlingSeconds.toFixed(0)} s more`],
  ];
}

const mib = (value: number) => `${value.toFixed(0)} MiB`;
