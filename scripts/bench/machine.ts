import { createRequire } from "node:module";
import { cpus, loadavg, release, totalmem, type } from "node:os";

export interface MachineFacts {
  cpu: string;
  cores: number;
  memoryGib: number;
  system: string;
  node: string;
  workerd: string;
  /** Of the last minute; whatever else runs takes its part of every number. */
  loadAverage: number;
  date: string;
}

export function machineFacts(): MachineFacts {
  const fromMiniflare = createRequire(import.meta.resolve("miniflare"));
  const workerd: { version: string } = fromMiniflare("workerd/package.json");
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? "unknown processor",
    cores: processors.length,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
    node: process.version,
    workerd: workerd.version,
    loadAverage: loadavg()[0] ?? 0,
    date: new Date().toISOString().slice(0, 10),
  };
}
