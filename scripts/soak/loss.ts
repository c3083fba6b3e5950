import { setTimeout as sleep } from "node:timers/promises";
import { receivingConnector } from "./connector.ts";
import { soakDestination } from "./destination.ts";
import { eventNumber, soakSender } from "./provider.ts";
import type { Soak } from "./soak.ts";

export interface Kills {
  events: number;
  /** Deaths of the deployment, spread over the sending. */
  kills: number;
  /** Share of the attempts that the destination fails. */
  failing: number;
  seed: number;
}

export interface Loss extends Kills {
  /** Sent again by the provider, because it had no answer or a refusal. */
  resent: number;
  attempts: number;
  /** Acknowledged and never taken by the destination. */
  lost: number;
  /** Events that it took more than once. */
  doubled: number;
  /** Events that came under more than one event id. */
  severalIds: number;
  /** Events that came with other bytes than were sent. */
  altered: number;
  sendingSeconds: number;
  /** From the last acknowledgement to the last arrival. */
  settlingSeconds: number;
  passed: boolean;
}

const SENDERS = 20;
/** Rounds of the Housekeeper come every minute, and what a death takes from a lane is due again after its lease. */
const PATIENCE_MS = 20 * 60_000;
const DOUBLED_AT_MOST = 0.01;
/** Seconds; short, so that nothing is given up and it ends soon. */
const RETRY_SCHEDULE = [1, 1, 1, 2, 2, 2, 3, 3, 3, 5, 5, 5, 5, 5, 10, 10, 10, 10, 10, 10];

/** Sends events while the destination fails and the deployment dies, and counts what arrived. */
export async function measureLoss(soak: Soak, how: Kills, print: (line: string) => void): Promise<Loss> {
  const random = mulberry32(how.seed);
  const destination = await soakDestination(how.failing, random);
  const ingressUrl = await receivingConnector(
    soak,
    "soak/loss",
    { journal: true },
    { url: destination.url, retrySchedule: RETRY_SCHEDULE, timeoutMs: 5000, maxInFlight: 6, lanes: 4 },
  );
  const sender = soakSender(() => ingressUrl, soak.secret);
  const startedAtMs = Date.now();
  let next = 0;
  let acknowledged = 0;
  const send = async () => {
    while (next < how.events) {
      await sender.send(eventNumber(next++));
      acknowledged++;
    }
  };
  const sending = Promise.all(Array.from({ length: SENDERS }, send));
  for (let kill = 1; kill <= how.kills; kill++) {
    const at = Math.floor((how.events * (kill - 0.5 + 0.5 * random())) / (how.kills + 0.5));
    while (acknowledged < at) await sleep(20);
    await soak.server.kill();
    print(`  killed after ${acknowledged} acknowledgements, ${countTaken(destination.arrivals)} arrived\n`);
    await soak.server.start();
  }
  await sending;
  const sentAtMs = Date.now();
  print(`  ${acknowledged} acknowledged in ${((sentAtMs - startedAtMs) / 1000).toFixed(0)} s\n`);
  for (let told = 0; countTaken(destination.arrivals) < how.events && Date.now() - sentAtMs < PATIENCE_MS; told++) {
    if (told % 30 === 0) print(`  ${countTaken(destination.arrivals)} arrived\n`);
    await sleep(1000);
  }
  const settlingSeconds = (Date.now() - sentAtMs) / 1000;
  // What comes twice may come late.
  await sleep(30_000);
  sender.stop();
  await destination.stop();

  const arrivals = Array.from({ length: how.events }, (_, number) => destination.arrivals.get(eventNumber(number).id));
  const lost = arrivals.filter((arrival) => (arrival?.taken ?? 0) === 0).length;
  const doubled = arrivals.filter((arrival) => (arrival?.taken ?? 0) > 1).length;
  const severalIds = arrivals.filter((arrival) => (arrival?.eventIds.size ?? 1) > 1).length;
  const altered = arrivals.filter((arrival) => (arrival?.hashes.size ?? 1) > 1).length;
  return {
    ...how,
    resent: sender.resent(),
    attempts: destination.attempts(),
    lost,
    doubled,
    severalIds,
    altered,
    sendingSeconds: (sentAtMs - startedAtMs) / 1000,
    settlingSeconds,
    passed: lost === 0 && doubled <= how.events * DOUBLED_AT_MOST && severalIds === 0 && altered === 0,
  };
}

function countTaken(arrivals: Map<string, { taken: number }>): number {
  return [...arrivals.values()].filter(({ taken }) => taken > 0).length;
}

/** The same numbers for the same seed (T. Ettinger's mulberry32, public domain). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
