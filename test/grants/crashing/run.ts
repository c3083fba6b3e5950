import type { GrantTokenAnswer, GrantTokenRequest } from "../../../src/grants/protocol.ts";
import type { CrashPoint, Network, Rotation } from "./names.ts";
import type { CrashObject } from "./object.ts";
import { type Broken, ScriptedProvider } from "./provider.ts";

/** Why there is a refresh: nobody has a good token, its end is near, the provider refused it, or nobody waits. */
export const TRIGGERS = ["expired", "ending", "rejected", "alarm"] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** So many callers wait for it. */
const CALLERS: Record<Trigger, number> = { expired: 3, ending: 1, rejected: 2, alarm: 0 };

export interface Scenario {
  rotation: Rotation;
  network: Network;
  trigger: Trigger;
  /** Null = nobody dies, to see where one could. */
  point: CrashPoint | null;
  /** How often it dies there. */
  deaths: number;
  seed: number;
}

export type Ending = "kept" | "lost_in_flight" | { wrong: string };

/** What the user of the object has, from one run to the next. */
export interface User {
  provider: ScriptedProvider;
  token: string;
  tokenId: string;
}

const LIFETIMES_MS = [90_000, 600_000, 3_600_000];
const LOOKS_LIKE: Broken[] = ["upstream_unreachable", "upstream_timeout", 502, 503, 504];
const MAX_STEPS = 40;
const MAX_REFRESHES = 8;

/** Lets the object refresh, die and go on, and says how that ended for its user. */
export async function crashRun(object: CrashObject, scenario: Scenario): Promise<Ending> {
  const { rotation, network, trigger, point, seed } = scenario;
  const random = randomOf(JSON.stringify([rotation, network, point, seed]));
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const between = (least: number, most: number) => Math.floor(least + random() * (most - least));
  object.watch(false);
  const user = await readyUser(object, rotation);
  const { provider } = user;
  const before = { ...user, refreshes: provider.refreshes, endsAtMs: provider.endsAtMs(user.token) };
  const lifetimeMs = before.endsAtMs - object.nowMs;

  /** What no caller may ever see; null = all is well. */
  let seen: string | null = null;
  const see = (isSeen: boolean, what: string) => {
    if (isSeen) seen ??= what;
  };
  const look = (answer: GrantTokenAnswer, hadOne: boolean) => {
    if (answer.ok) {
      see(!provider.accepts(answer.value.token), "a dead token was served");
      hold(user, answer.value);
    } else {
      see(hadOne, `a valid token was withheld: ${answer.failure.code}`);
      see(answer.failure.reason === "refused_upstream", "the provider was said to have refused");
    }
  };
  const ask = async (callers: number, change: Partial<GrantTokenRequest> = {}) => {
    const hadOne = provider.accepts(user.token);
    for (const answer of await object.ask(callers, change)) {
      if (answer !== null) look(answer, hadOne);
    }
  };

  provider.lifetimeMs = pick(LIFETIMES_MS);
  provider.breakOnce(network, pick(LOOKS_LIKE));
  object.nowMs += momentOf(trigger, lifetimeMs, between);
  object.watch(true, point, scenario.deaths);
  if (trigger === "alarm") await object.ring();
  else await ask(CALLERS[trigger], changeOf(trigger, before.tokenId));
  // Only where all goes well the next run begins with what this one leaves.
  object.user = null;
  if (point === null) return "kept";
  if (object.deaths === 0) return { wrong: "it did not come there" };

  // The refresh token on the disk may have been replaced for good by one that nobody has: then nothing can be done.
  const sent = provider.refreshes;
  let isLost = provider.isSpent((await object.onDisk()).refreshToken);
  let known = sent;
  const idleSteps = between(0, 3);
  let isDecided = false;
  for (let step = 0; step < MAX_STEPS && !isDecided && seen === null; step++) {
    const toEndMs = Math.max(provider.endsAtMs(user.token) - object.nowMs, 0);
    object.nowMs += step < idleSteps ? pick([0, between(0, 2_000), 5_000]) : toEndMs + between(1_000, 90_000);
    if (random() < 0.3) await object.ring();
    else await ask(between(1, 4));
    const isNew = provider.refreshOf(user.token) > sent;
    if (provider.refreshes > known && !isNew) {
      const { state, refreshToken } = await object.onDisk();
      known = provider.refreshes;
      isLost ||= provider.isSpent(refreshToken);
      isDecided = state !== "active";
    }
    isDecided ||= provider.isBroken && isNew;
  }
  see(provider.endedTooSoon, "a spent token cost an access token its life");
  see(object.overlapped, "two refreshes were under way at once");
  see(provider.refreshes - before.refreshes > MAX_REFRESHES, "it asked again and again");
  const ending = seen === null ? await endingOf(object, user, { isLost, isDecided }) : { wrong: seen };
  if (ending === "kept") object.user = user;
  return ending;
}

/** A crowd that waits for a token is worth a lease in KV. */
function changeOf(trigger: Trigger, tokenId: string): Partial<GrantTokenRequest> {
  if (trigger === "rejected") return { rejectedTokenId: tokenId };
  return trigger === "expired" ? { leaseKey: "lease" } : {};
}

/** When there is that reason (ms from now), with a token that has just come and lives so long. */
function momentOf(trigger: Trigger, lifetimeMs: number, between: (least: number, most: number) => number): number {
  const aheadMs = Math.min(lifetimeMs * 0.2, 300_000);
  switch (trigger) {
    case "expired":
      return lifetimeMs + between(0, 600_000);
    case "ending":
      return lifetimeMs - between(2_000, 25_000);
    case "rejected":
      return between(30_000, 40_000);
    case "alarm":
      return lifetimeMs - between(aheadMs * 0.1, aheadMs * 0.5);
  }
}

async function endingOf(
  object: CrashObject,
  user: User,
  { isLost, isDecided }: { isLost: boolean; isDecided: boolean },
): Promise<Ending> {
  if (!isDecided) return { wrong: "it never came to an end" };
  const { state } = await object.onDisk();
  if (!isLost) return state === "active" ? "kept" : { wrong: `${state} where the provider would go on` };
  if (state !== "lost_in_flight") return { wrong: `${state} where the answer was lost` };
  const { refreshes } = user.provider;
  object.nowMs += 3_600_000;
  const [answer] = await object.ask(1);
  const isTold = answer?.ok === false && answer.failure.code === "user_authorization_required";
  if (!isTold) return { wrong: "the user is not asked to authorize again" };
  return user.provider.refreshes === refreshes ? "lost_in_flight" : { wrong: "it asks on after the end" };
}

/** The user of the object, with a token that has just come. */
export async function readyUser(object: CrashObject, rotation: Rotation): Promise<User> {
  const { user } = object;
  if (user !== null) return user;
  const provider = new ScriptedProvider(rotation, () => object.nowMs);
  await object.authorize(provider);
  const fresh = { provider, token: "", tokenId: "" };
  const [answer] = await object.ask(1);
  if (!answer?.ok) throw new Error("there is no token to begin with");
  hold(fresh, answer.value);
  object.user = fresh;
  return fresh;
}

function hold(user: User, { token, tokenId }: { token: string; tokenId: string }): void {
  user.token = token;
  user.tokenId = tokenId;
  user.provider.handedOut.add(token);
}

/** mulberry32 over a hash of the text: the same numbers for the same text. */
function randomOf(text: string): () => number {
  let state = 2166136261;
  for (const character of text) state = Math.imul(state ^ character.charCodeAt(0), 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
