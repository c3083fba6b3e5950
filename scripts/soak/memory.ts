import { setTimeout as sleep } from "node:timers/promises";
import { receivingConnector } from "./connector.ts";
import { soakDestination } from "./destination.ts";
import { eventNumber, soakSender } from "./provider.ts";
import type { Soak } from "./soak.ts";

export interface SizeFigures {
  bodyMib: number;
  events: number;
  /** Of workerd, its stores included (MiB). */
  beforeMib: number;
  peakMib: number;
  afterMib: number;
  arrived: number;
}

export interface Memory {
  sizes: SizeFigures[];
  passed: boolean;
}

const SIZES_MIB = [8, 25];
const MIB = 1024 * 1024;
/** A little below what a connector may allow at most. */
const MAX_BODY_BYTES = 25 * MIB;
/**
 * How much more the largest may take than those of 8 MiB, which take as many segments in memory (MiB). Four bodies are under
 * way at once, two in and two out: if they were held, it would be 68 MiB for one copy of each, and sealing makes two.
 */
const FLAT_WITHIN_MIB = 60;
const PATIENCE_MS = 120_000;

/**
 * What workerd's memory does while events of growing size pass through, two at a time; null where nobody can tell. As many
 * bytes of each size, each through a process that has just started: the platform's stores are in it, and what they and the
 * collector keep grows with the bytes that passed.
 */
export async function measureMemory(soak: Soak, events: number, print: (line: string) => void): Promise<Memory | null> {
  if ((await soak.server.memoryMib()) === null) return null;
  const destination = await soakDestination(0, Math.random);
  const ingressUrl = await receivingConnector(
    soak,
    "soak/memory",
    { maxBodyBytes: MAX_BODY_BYTES },
    { url: destination.url, timeoutMs: 30_000, maxInFlight: 2 },
  );
  const sender = soakSender(() => ingressUrl, soak.secret);
  const sizes: SizeFigures[] = [];
  let sent = 0;
  for (const bodyMib of SIZES_MIB) {
    const count = Math.round((events * (SIZES_MIB.at(-1) ?? bodyMib)) / bodyMib);
    print(`  ${count} events of ${bodyMib} MiB …\n`);
    await soak.server.kill();
    await soak.server.start();
    const all = Array.from({ length: count }, (_, number) => number + sent);
    sent += count;
    const idsBefore = destination.arrivals.size;
    const beforeMib = (await soak.server.memoryMib()) ?? 0;
    let peakMib = beforeMib;
    const watch = setInterval(async () => {
      peakMib = Math.max(peakMib, (await soak.server.memoryMib()) ?? 0);
    }, 50);
    const queue = [...all];
    const send = async () => {
      for (let number = queue.shift(); number !== undefined; number = queue.shift()) {
        await sender.send(eventNumber(number, bodyMib * MIB - 1024));
      }
    };
    await Promise.all([send(), send()]);
    const sentAtMs = Date.now();
    while (destination.arrivals.size - idsBefore < count && Date.now() - sentAtMs < PATIENCE_MS) await sleep(200);
    clearInterval(watch);
    sizes.push({
      bodyMib,
      events: count,
      beforeMib,
      peakMib,
      afterMib: (await soak.server.memoryMib()) ?? 0,
      arrived: destination.arrivals.size - idsBefore,
    });
  }
  sender.stop();
  await destination.stop();
  const growth = (sizes.at(-1)?.peakMib ?? 0) - (sizes[0]?.peakMib ?? 0);
  return { sizes, passed: growth < FLAT_WITHIN_MIB && sizes.every(({ arrived, events: all }) => arrived === all) };
}
