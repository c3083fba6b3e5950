import { randomBytes } from "node:crypto";
import { column, jsonIn, run } from "./commands.ts";
import { EVENT_REFERENCES_SQL, RECEIVED_SQL, REFERENCES_SQL, resealedSql } from "./references.ts";
import { changedRing, formatRing, freshRing, kidOf, kidsOf, parseRing, type Ring, refusalOf } from "./ring.ts";
import { writeSecrets } from "./secrets-file.ts";
import { type DeployState, missingNames, Refusal, sendsRing } from "./state.ts";
import { COMMANDS } from "./wrangler.ts";

/** Decides the ring that is sent, if one is; refuses one that stored data could not be read with. */
export async function settleRing(state: DeployState): Promise<void> {
  if (!sendsRing(state)) return;
  const referenced = await referencedKids(state);
  const { change, ring, retired } = nextRing(state, referenced);
  const refusal = refusalOf(ring, referenced, change === "drop");
  if (refusal !== null) throw new Refusal(refusal);
  if (change === "drop") await refuseBeforeQueueIsOver(state, ring);
  state.secrets.MASTER_KEYS = formatRing(ring);
  if (retired !== null) {
    state.secrets.RETIRED_MASTER_KEYS = formatRing([...retiredKeys(state), retired]);
  }
  state.deps.write(`  master keys: ${kidsOf(ring).join(", ")} (the first is primary)\n`);
}

const retiredKeys = ({ stored }: DeployState) => parseRing(stored.RETIRED_MASTER_KEYS ?? "");

function nextRing(state: DeployState, referenced: readonly string[]) {
  const { options, secrets, deps } = state;
  const current = secrets.MASTER_KEYS;
  if (options.ring === null) {
    if (current !== undefined) return { change: null, ring: parseRing(current), retired: null };
    if (referenced.length > 0) {
      throw new Refusal(
        "The Worker has no MASTER_KEYS, but the database holds data sealed with them. Put the ring back: into the " +
          "secrets file, or into MASTER_KEYS of the environment.",
      );
    }
    return { change: null, ring: freshRing(), retired: null };
  }
  if (current === undefined)
    throw new Refusal("The ring is not in the secrets file, so it cannot be changed from here.");
  if (options.ring.kind !== "set" && deps.environment.MASTER_KEYS) {
    throw new Refusal("MASTER_KEYS comes from the environment: change it there, and deploy with --set-keys.");
  }
  return { change: options.ring.kind, ...changedRing(parseRing(current), retiredKeys(state), options.ring) };
}

/** Also "" where Grants do not say yet which keys they need. */
async function referencedKids(state: DeployState): Promise<string[]> {
  if (state.databaseIsNew) return [];
  const controlPlane = await kidsIn(state, "DB", REFERENCES_SQL);
  return [...controlPlane, ...(await kidsIn(state, "EVENTS", EVENT_REFERENCES_SQL))];
}

async function kidsIn(state: DeployState, binding: string, sql: string): Promise<string[]> {
  const results = jsonIn(await run(state, COMMANDS.query(binding, sql)));
  if (!Array.isArray(results)) throw new Refusal("wrangler answered a query with something that is not a list.");
  return results.flatMap((result: unknown) =>
    column(typeof result === "object" && result !== null ? Reflect.get(result, "results") : null, "kid"),
  );
}

/** What waits in the queue names its key nowhere. The journal is not to be seen from here: `GET /v1/keys` looks. */
async function refuseBeforeQueueIsOver(state: DeployState, [primary = ""]: Ring): Promise<void> {
  if ((await kidsIn(state, "EVENTS", RECEIVED_SQL)).length === 0) return;
  if ((await kidsIn(state, "DB", resealedSql(Date.now()))).includes(kidOf(primary))) return;
  throw new Refusal(
    `Messages in the queue may need another key than '${kidOf(primary)}' until eight days after re-sealing under ` +
      "it began (POST /v1/keys/reseal). See underWay in GET /v1/keys.",
  );
}

/** First the file, then Cloudflare: what is sent can never be read again. */
export async function sendSecrets(state: DeployState): Promise<void> {
  const { options, stored, secrets, deps } = state;
  const names = new Set<"MASTER_KEYS" | "SETUP_TOKEN" | "PUBLIC_ORIGIN">(missingNames(state));
  if (options.ring !== null) names.add("MASTER_KEYS");
  if (names.has("SETUP_TOKEN")) secrets.SETUP_TOKEN ??= randomBytes(24).toString("base64url");
  const file = { ...stored, PUBLIC_ORIGIN: state.origin };
  for (const name of [...names, "RETIRED_MASTER_KEYS"] as const) {
    // What the environment gives is kept where that comes from.
    if (secrets[name] !== undefined && !deps.environment[name]) file[name] = secrets[name];
  }
  await writeSecrets(options.secretsFile, file);
  if (names.size === 0) return;
  const values = Object.fromEntries([...names].map((name) => [name, secrets[name]]));
  try {
    await run(state, COMMANDS.putSecrets, JSON.stringify(values));
  } catch (error) {
    if (options.ring === null || !(error instanceof Refusal)) throw error;
    throw new Refusal(`${error.message}\nThe changed ring is in ${options.secretsFile}: run again with --set-keys.`);
  }
  deps.write(`  sent: ${[...names].join(", ")}\n`);
}
