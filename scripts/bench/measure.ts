import type { BootedWorker } from "./boot.ts";
import type { LoadProcess } from "./load-process.ts";
import { cpuMsOf } from "./process-facts.ts";

/** One of the two that a row compares: a running Worker, and the requests that it gets. */
export interface Side {
  worker: BootedWorker;
  /** The next requests to send; `count` of them, or fewer that are to be repeated. */
  take(count: number): string[];
}

export interface Effort {
  rounds: number;
  /** Of each round and side. */
  requests: number;
  warmUp: number;
  connections: number;
}

export interface Figures {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** CPU time of the workerd process per request; null where the system does not tell. */
  cpuUs: number | null;
}

export interface Comparison {
  product: Figures;
  ceiling: Figures;
  /** Median over the rounds of product ÷ ceiling, in requests per second. */
  ratio: number;
  /** The lowest and the highest round. */
  ratioRange: [number, number];
  /** The same by CPU time (ceiling ÷ product), which a busy machine disturbs less. */
  cpuRatio: number | null;
  /** Which rung answered how many of the product's measured requests, by its own log. */
  rungs: Record<string, number>;
}

/** Measure both in turn, round by round, so that whatever else the machine does hits both. */
export async function compare(load: LoadProcess, ceiling: Side, product: Side, effort: Effort): Promise<Comparison> {
  for (const side of [ceiling, product]) await once(load, side, effort.warmUp, effort.connections);
  const before = await product.worker.rungs();
  const rounds: { ceiling: Figures; product: Figures }[] = [];
  for (let round = 0; round < effort.rounds; round += 1) {
    rounds.push({
      ceiling: await once(load, ceiling, effort.requests, effort.connections),
      product: await once(load, product, effort.requests, effort.connections),
    });
  }
  const ratios = rounds.map((round) => round.product.requestsPerSecond / round.ceiling.requestsPerSecond);
  const figures = { product: medianFigures(rounds, "product"), ceiling: medianFigures(rounds, "ceiling") };
  const [ceilingCpuUs, productCpuUs] = [figures.ceiling.cpuUs, figures.product.cpuUs];
  return {
    ...figures,
    ratio: median(ratios),
    ratioRange: [Math.min(...ratios), Math.max(...ratios)],
    cpuRatio: ceilingCpuUs === null || productCpuUs === null ? null : ceilingCpuUs / productCpuUs,
    rungs: difference(await product.worker.rungs(), before),
  };
}

async function once(load: LoadProcess, side: Side, count: number, connections: number): Promise<Figures> {
  const { port, pid } = side.worker;
  const requests = side.take(count);
  const cpuBeforeMs = cpuMsOf(pid);
  const report = await load.run({ port, requests, count, connections });
  const cpuAfterMs = cpuMsOf(pid);
  if (report.refusal !== null) throw new Error(`The Worker refused: ${report.refusal}`);
  const at = (share: number) => report.latenciesMs[Math.min(count - 1, Math.floor(count * share))] ?? 0;
  return {
    requestsPerSecond: (count / report.elapsedMs) * 1000,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    cpuUs: cpuBeforeMs === null || cpuAfterMs === null ? null : ((cpuAfterMs - cpuBeforeMs) / count) * 1000,
  };
}

function medianFigures(rounds: { ceiling: Figures; product: Figures }[], side: "ceiling" | "product"): Figures {
  const of = (pick: (figures: Figures) => number) => median(rounds.map((round) => pick(round[side])));
  const cpu = rounds.map((round) => round[side].cpuUs).filter((value) => value !== null);
  return {
    requestsPerSecond: of(({ requestsPerSecond }) => requestsPerSecond),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    // Summed, because the system counts in ticks that are long beside one round.
    cpuUs: cpu.length === rounds.length ? cpu.reduce((sum, value) => sum + value, 0) / cpu.length : null,
  };
}

function difference(after: Record<string, number>, before: Record<string, number>): Record<string, number> {
  const rungs = Object.entries(after).map(([rung, count]) => [rung, count - (before[rung] ?? 0)] as const);
  return Object.fromEntries(rungs.filter(([, count]) => count > 0));
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}
