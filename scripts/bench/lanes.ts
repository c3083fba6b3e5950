import { createHmac } from "node:crypto";
import { access, constants, mkdtemp, rm } from "node:fs/promises";
import { Agent, request as send } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { request, text } from "../demo/api.ts";
import type { AuthorizationServer } from "../demo/authorization-server.ts";
import type { Bundles } from "./bundles.ts";
import { deploy } from "./deployment.ts";
import { startReceivers } from "./receivers.ts";
import type { WorkloadIssuer } from "./workload-issuer.ts";

/** How events get through every stage: ingress, queue, fan-out, lane, destination. */
export interface LanesReport {
  isolation: Isolation;
  throughput: Throughput[];
}

/** The same nine destinations, beside a tenth that is as healthy, and beside one that never answers. */
export interface Isolation {
  rounds: number;
  seconds: number;
  eventsPerSecond: number;
  healthy: Delays;
  besideDead: Delays;
  /** p95 beside a dead one ÷ p95 beside a healthy one. */
  ratio: number;
  target: number;
  passed: boolean;
}

export interface Delays {
  deliveries: number;
  /** That never came. */
  missing: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
}

export interface Throughput {
  destinations: number;
  events: number;
  /** Acknowledged each second, while they were sent. */
  acknowledgedPerSecond: number;
  /** Arrived each second at every destination, from the first that was sent to the last that arrived. */
  eventsPerSecond: number;
  missing: number;
}

export interface LanesBench {
  bundles: Bundles;
  scratch: string;
  issuer: WorkloadIssuer;
  provider: AuthorizationServer;
  /** Of each kind. */
  rounds: number;
  /** Of a round. */
  seconds: number;
  /** Sent as fast as they are acknowledged. */
  events: number;
}

const SECRET = "a webhook secret of the benchmark";
const HEALTHY = 9;
const PER_SECOND = 20;
const TARGET = 1.1;
/** Arrivals that come later than this after the last event do not come. */
const PATIENCE_MS = 30_000;
const CONNECTIONS = 50;
const MEMORY = "/dev/shm";

export async function measureLanes(bench: LanesBench): Promise<LanesReport> {
  const sides = { healthy: { delaysMs: [] as number[], missing: 0 }, dead: { delaysMs: [] as number[], missing: 0 } };
  for (let round = 0; round < bench.rounds; round += 1) {
    // In turn, so that both see the same machine.
    for (const kind of round % 2 === 0 ? (["healthy", "dead"] as const) : (["dead", "healthy"] as const)) {
      const { delaysMs, missing } = await steadyRound(bench, kind === "dead");
      sides[kind].delaysMs.push(...delaysMs);
      sides[kind].missing += missing;
    }
  }
  const [healthy, besideDead] = [delaysOf(sides.healthy), delaysOf(sides.dead)];
  const ratio = besideDead.p95Ms / healthy.p95Ms;
  const passed = ratio < TARGET && besideDead.missing === 0;
  const { rounds, seconds } = bench;
  const facts = { rounds, seconds, eventsPerSecond: PER_SECOND, healthy, besideDead, ratio, target: TARGET, passed };
  const throughput: Throughput[] = [];
  for (const destinations of [1, 10]) throughput.push(await flatOut(bench, destinations));
  return { isolation: facts, throughput };
}

/** A deployment with a connector that receives, and its destinations. */
async function withDeployment<T>(
  { bundles, scratch, issuer, provider }: LanesBench,
  urls: string[],
  work: (sendEvent: () => Promise<void>) => Promise<T>,
): Promise<T> {
  // In memory where there is such a directory: on a laptop's disk, its commits would be all that is measured.
  const inMemory = await access(MEMORY, constants.W_OK).then(
    () => true,
    () => false,
  );
  const storage = await mkdtemp(join(inMemory ? MEMORY : scratch, "valetkey-lanes-"));
  const options = { modulePath: bundles.product, scratch, provider, issuer, connectors: 1, leaseSeconds: 60, storage };
  const { worker, owner } = await deploy(options);
  const agent = new Agent({ keepAlive: true, maxSockets: 500 });
  try {
    const at = "/v1/connect/connectors/bench%2F0";
    const call = (method: "PUT" | "POST", path: string, body: object, expect: number) =>
      request(`http://127.0.0.1:${worker.port}`, { method, path: at + path, body: { ...body }, expect, token: owner });
    const trigger = { enabled: true, provider: "github", secrets: [SECRET] };
    const { pathname } = new URL(text((await call("PUT", "/triggers", trigger, 200)).value, "ingressUrl"));
    for (const url of urls) await call("POST", "/destinations", { url, timeoutMs: 10_000 }, 201);
    let number = 0;
    return await work(() => sendEvent(agent, { port: worker.port, path: pathname, number: number++ }));
  } finally {
    agent.destroy();
    await worker.stop();
    await rm(storage, { recursive: true, force: true });
  }
}

/** At a steady pace for a while. */
async function steadyRound(bench: LanesBench, withDead: boolean) {
  // The tenth counts in neither case.
  const receivers = await startReceivers(HEALTHY, withDead ? 1 : 0);
  const tenth = withDead ? null : await startReceivers(1, 0);
  try {
    return await withDeployment(bench, [...receivers.urls, ...(tenth?.urls ?? [])], async (sendEvent) => {
      for (let warm = 0; warm < PER_SECOND; warm += 1) await sendEvent();
      await settled(receivers.arrivals, PER_SECOND * HEALTHY);
      receivers.delaysMs.length = 0;
      const events = bench.seconds * PER_SECOND;
      const sent: Promise<void>[] = [];
      const startedAtMs = performance.now();
      for (let index = 0; index < events; index += 1) {
        await sleep(Math.max(0, startedAtMs + (index * 1000) / PER_SECOND - performance.now()));
        sent.push(sendEvent());
      }
      await Promise.all(sent);
      await settled(receivers.arrivals, (events + PER_SECOND) * HEALTHY);
      return { delaysMs: [...receivers.delaysMs], missing: events * HEALTHY - receivers.delaysMs.length };
    });
  } finally {
    receivers.stop();
    tenth?.stop();
  }
}

/** As fast as they are acknowledged, and until all have arrived. */
async function flatOut(bench: LanesBench, destinations: number): Promise<Throughput> {
  const receivers = await startReceivers(destinations, 0);
  try {
    return await withDeployment(bench, receivers.urls, async (sendEvent) => {
      for (let warm = 0; warm < 50; warm += 1) await sendEvent();
      await settled(receivers.arrivals, 50 * destinations);
      const startedAtMs = performance.now();
      let left = bench.events;
      const loop = async () => {
        while (left-- > 0) await sendEvent();
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, loop));
      const acknowledgedMs = performance.now() - startedAtMs;
      const expected = (bench.events + 50) * destinations;
      await settled(receivers.arrivals, expected);
      return {
        destinations,
        events: bench.events,
        acknowledgedPerSecond: (bench.events * 1000) / acknowledgedMs,
        eventsPerSecond: (bench.events * 1000) / (receivers.lastAtMs() - startedAtMs),
        missing: expected - receivers.arrivals(),
      };
    });
  } finally {
    receivers.stop();
  }
}

/** Waits for so many, as long as they keep coming. */
async function settled(arrivals: () => number, expected: number): Promise<void> {
  let [seen, sinceMs] = [arrivals(), performance.now()];
  while (arrivals() < expected && performance.now() - sinceMs < PATIENCE_MS) {
    await sleep(20);
    if (arrivals() !== seen) [seen, sinceMs] = [arrivals(), performance.now()];
  }
}

function sendEvent(
  agent: Agent,
  { port, path, number }: { port: number; path: string; number: number },
): Promise<void> {
  const body = JSON.stringify({ sentAtMs: performance.now(), number, filler: "x".repeat(1500) });
  const headers = {
    "content-type": "application/json",
    "content-length": body.length,
    "x-github-event": "push",
    "x-github-delivery": `bench-${number}`,
    "x-hub-signature-256": `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`,
  };
  return new Promise((resolve, reject) => {
    const call = send({ host: "127.0.0.1", port, path, method: "POST", agent, headers }, (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode !== undefined && response.statusCode < 300) resolve();
        else reject(new Error(`The ingress answered ${response.statusCode}.`));
      });
    });
    call.on("error", reject).end(body);
  });
}

function delaysOf({ delaysMs, missing }: { delaysMs: number[]; missing: number }): Delays {
  const sorted = delaysMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { deliveries: sorted.length, missing, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}
