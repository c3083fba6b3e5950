import { REMEMBER_MS } from "../callers/authenticate.ts";
import { ApiError } from "../errors.ts";
import { managementEndpoint } from "../http/endpoint.ts";
import type { Services } from "../services.ts";
import { findTeam } from "../team/team-store.ts";
import { KEYS_STALE_MS, LEAD_MS, mayDrop, publishedUntilMs, statusAt } from "./key-schedule.ts";
import { deleteKey, insertNextKey, listKeys, type StoredKey } from "./key-store.ts";
import { forgetKeys, makeKey, readOrCreate } from "./signing-keys.ts";

/** After this time no isolate takes a dropped key's tokens any more (ms): neither from its keys nor from its memory. */
const DROP_SPREAD_MS = KEYS_STALE_MS + REMEMBER_MS;

export const getIssuerKeys = managementEndpoint("admin", {
  async handle({ services }) {
    const keys = await readOrCreate(services, await requireTeamId(services));
    return { status: 200, body: { keys: keys.map((key) => toWire(key, keys, services.now())) } };
  },
});

export const createIssuerKey = managementEndpoint("owner", {
  creates: true,
  async handle({ services }) {
    const { db, now } = services;
    const teamId = await requireTeamId(services);
    await readOrCreate(services, teamId);
    const key = await makeKey(services, teamId, now() + LEAD_MS);
    if (!(await insertNextKey(db, key, now()))) {
      throw new ApiError("conflict", {
        message: "The next key exists already and has not begun to sign. List the keys to see when it does.",
      });
    }
    forgetKeys(db);
    return { status: 201, body: toWire(key, await listKeys(db), now()) };
  },
});

/** For a key that is no secret any more. It is gone here at once, and everywhere at `valetkey-effective-by`. */
export const removeIssuerKey = managementEndpoint("owner", {
  async handle({ services, params }) {
    const { db, now } = services;
    const kid = params.id ?? "";
    const keys = await listKeys(db);
    if (!keys.some((key) => key.kid === kid)) throw new ApiError("not_found", { message: "There is no such key." });
    if (!mayDrop(kid, keys, now()) || !(await deleteKey(db, kid, now()))) {
      throw new ApiError("conflict", {
        message: "No other key could sign. Create the next key first; it begins at once when this one is dropped.",
      });
    }
    forgetKeys(db);
    services.callerCaches.verifiedTokens.clear();
    return { status: 204, headers: { "valetkey-effective-by": String(now() + DROP_SPREAD_MS) } };
  },
});

async function requireTeamId({ db }: Pick<Services, "db">): Promise<string> {
  const team = await findTeam(db);
  if (team === null) throw new ApiError("setup_required");
  return team.id;
}

function toWire(key: StoredKey, keys: readonly StoredKey[], nowMs: number) {
  const untilMs = publishedUntilMs(key);
  return {
    kid: key.kid,
    alg: key.alg,
    status: statusAt(key, keys, nowMs),
    createdAt: key.createdAtMs,
    notBefore: key.notBeforeMs,
    retiredAt: key.retiredAtMs,
    publishedUntil: Number.isFinite(untilMs) ? untilMs : null,
  };
}
