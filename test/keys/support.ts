import { env } from "cloudflare:workers";
import { loadKeyRing } from "../../src/crypto/key-ring.ts";
import { unwrap } from "../../src/errors.ts";
import { nextRoundInMs, round, standStill } from "../housekeeping/support.ts";
import { clock } from "../support/clock.ts";
import { type Isolate, isolate } from "../support/connect.ts";
import { objectKeys } from "../support/object-keys.ts";

const SECOND = "k2:c2Vjb25kLW1hc3Rlci1rZXktb2YtdGhlLXRlc3RzLSE=";

const ringOf = async (text: string) => unwrap(await loadKeyRing(text));
/** The ring of the settings, before any rotation. */
export const initial = () => ringOf(env.MASTER_KEYS);
/** The second key is known, the first is still primary. */
export const prepared = () => ringOf(`${env.MASTER_KEYS},${SECOND}`);
export const rotated = () => ringOf(`${SECOND},${env.MASTER_KEYS}`);
/** The first key is gone. */
export const dropped = () => ringOf(SECOND);

/** A deploy that changes the ring: the objects have it, and so does the isolate that this returns. */
export async function deploy(ring: Promise<Isolate["services"]["keys"]>): Promise<Isolate> {
  const keys = await ring;
  objectKeys.ring = keys;
  return isolate({ keys });
}

/** Nothing is owed, and a second key is known. */
export async function reset(): Promise<void> {
  objectKeys.ring = await prepared();
  await standStill();
  await env.DB.exec("DELETE FROM key_reseal");
}

/** Rounds of the Housekeeper until the run under way ends; what `meanwhile` does is done beside each. */
export async function untilResealed(meanwhile: () => Promise<unknown> = async () => {}): Promise<number> {
  for (let rounds = 1; rounds <= 20; rounds++) {
    await Promise.all([round(), meanwhile()]);
    const run = await env.DB.prepare("SELECT due_at_ms FROM key_reseal").first<{ due_at_ms: number | null }>();
    if (run?.due_at_ms == null) return rounds;
    if (((await nextRoundInMs()) ?? 0) > 1_000) throw new Error("the run rests");
    clock.advance(100);
  }
  throw new Error("the run does not end");
}

/** References of one key in the status, or null where it is not listed. */
// biome-ignore lint/suspicious/noExplicitAny: the body of a route
export function referencesOf(status: any, kid: string): Record<string, number> | null {
  const key = status.keys.find((listed: { kid: string }) => listed.kid === kid);
  return key?.references ?? null;
}
