import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../paths.ts";
import { column, jsonIn, run } from "./commands.ts";
import { sendSecrets, settleRing } from "./keys.ts";
import { checkedOrigin } from "./options.ts";
import { liveHealth, smokeTest } from "./probe.ts";
import { EVENT_REFERENCES_SQL, RECEIVED_SQL, REFERENCES_SQL, resealedSql } from "./references.ts";
import { type DeployState, missingNames, Refusal } from "./state.ts";
import { COMMANDS, PAYLOAD_RULE } from "./wrangler.ts";

/** One step as it is shown and as it is done. */
export interface Step {
  title: string;
  /** When it is done at all. */
  condition?: string;
  /** What it runs of wrangler, or asks over HTTP. */
  commands: readonly (readonly string[])[];
  run(state: DeployState): Promise<void>;
}

/** What wrangler.toml names and `wrangler deploy` does not make by itself, or only after it is needed. */
export interface Resources {
  database: string;
  eventsDatabase: string;
  bucket: string;
  /** Those with a consumer: a deploy refuses to consume a queue that is not there. */
  queues: string[];
}

/** The sequence of a deploy. A step that fails ends it; all may be repeated. */
export function steps({ database, eventsDatabase, bucket, queues }: Resources): Step[] {
  return [
    { title: "Check that this is the pinned wrangler", commands: [COMMANDS.version], run: checkVersion },
    { title: "Check the login", commands: [COMMANDS.whoami], run: checkLogin },
    { title: "See which secrets the Worker has", commands: [COMMANDS.listSecrets], run: findSecrets },
    { title: "Settle the public origin", commands: [], run: settleOrigin },
    {
      title: "Ask the running deployment whether a master key is missing",
      condition: "if it is there, and its keys are not changed",
      commands: [["GET", "/health"]],
      run: liveHealth,
    },
    {
      title: "Create the databases",
      condition: "those that are missing; wrangler deploy creates the other resources",
      commands: [COMMANDS.listDatabases, COMMANDS.createDatabase(database), COMMANDS.createDatabase(eventsDatabase)],
      run: (state) => createDatabases(state, database, eventsDatabase),
    },
    {
      title: "Create the queues",
      condition: "those that are missing",
      commands: queues.flatMap((name) => [COMMANDS.queueInfo(name), COMMANDS.createQueue(name)]),
      run: (state) => createQueues(state, queues),
    },
    {
      title: "Take a Time Travel bookmark of the database",
      condition: "if it was there before",
      commands: [COMMANDS.bookmark],
      run: takeBookmark,
    },
    {
      title: "Apply migrations",
      commands: [COMMANDS.migrate("DB"), COMMANDS.migrate("EVENTS")],
      run: async (state) => {
        await run(state, COMMANDS.migrate("DB"));
        await run(state, COMMANDS.migrate("EVENTS"));
      },
    },
    {
      title: "Check that the master keys include every one that stored data needs",
      condition: "if they are sent; the last two, if one is dropped",
      commands: [
        COMMANDS.query("DB", REFERENCES_SQL),
        COMMANDS.query("EVENTS", EVENT_REFERENCES_SQL),
        COMMANDS.query("EVENTS", RECEIVED_SQL),
        COMMANDS.query("DB", resealedSql(Date.now())),
      ],
      run: settleRing,
    },
    {
      title: "Keep the secrets in the secrets file, and send those that are missing, by standard input",
      condition: "if any is",
      commands: [COMMANDS.putSecrets],
      run: sendSecrets,
    },
    { title: "Deploy", commands: [COMMANDS.deploy], run: async (state) => void (await run(state, COMMANDS.deploy)) },
    {
      title: "Have the bucket end payloads that nothing names any more",
      condition: "unless it does",
      commands: [COMMANDS.listRules(bucket), COMMANDS.addPayloadRule(bucket)],
      run: (state) => addPayloadRule(state, bucket),
    },
    {
      title: "Ask the new deployment for its health, its issuer, and whether it was claimed",
      commands: [
        ["GET", "/health"],
        ["GET", "/.well-known/openid-configuration"],
        ["GET", "/.well-known/jwks.json"],
      ],
      run: smokeTest,
    },
  ];
}

async function checkVersion(state: DeployState): Promise<void> {
  const { devDependencies }: { devDependencies: Record<string, string> } = JSON.parse(
    await readFile(join(root, "package.json"), "utf8"),
  );
  const pinned = devDependencies.wrangler ?? "";
  const found = /\d+\.\d+\.\d+\S*/.exec(await run(state, COMMANDS.version))?.[0];
  if (found !== pinned) throw new Refusal(`wrangler ${pinned} is pinned, but ${found} is found first. Run: npm ci`);
}

async function checkLogin({ deps }: DeployState): Promise<void> {
  const { ok } = await deps.wrangler(COMMANDS.whoami);
  if (!ok) throw new Refusal("Nobody is logged in. Run: npx wrangler login (or set CLOUDFLARE_API_TOKEN).");
}

async function findSecrets(state: DeployState): Promise<void> {
  const { ok, stdout, output } = await state.deps.wrangler(COMMANDS.listSecrets);
  if (ok) {
    state.present = new Set(column(jsonIn(stdout), "name"));
    return;
  }
  // Wrangler has no other sign for a Worker that is not there. Were this a mistake, no key would be overwritten:
  // none is generated over a database that refers to one.
  if (!/Worker "[^"]*".* not found/.test(output)) await run(state, COMMANDS.listSecrets);
  state.present = null;
}

async function settleOrigin(state: DeployState): Promise<void> {
  const { options, secrets, deps } = state;
  const known = options.origin ?? secrets.PUBLIC_ORIGIN ?? (await deps.ask("Public origin (https://…): "));
  if (!known) throw new Refusal("The public origin is not known. Give it: npm run deploy -- --origin https://…");
  state.origin = checkedOrigin(known);
  if (!missingNames(state).includes("PUBLIC_ORIGIN")) return;
  state.secrets.PUBLIC_ORIGIN = state.origin;
}

async function createDatabases(state: DeployState, database: string, eventsDatabase: string): Promise<void> {
  const names = column(jsonIn(await run(state, COMMANDS.listDatabases)), "name");
  for (const name of [database, eventsDatabase]) {
    if (!names.includes(name)) await run(state, COMMANDS.createDatabase(name));
  }
  state.databaseIsNew = !names.includes(database);
}

/** Asking for one by name fails where it is not there; were that another failure, creating it fails, too. */
async function createQueues(state: DeployState, names: string[]): Promise<void> {
  for (const name of names) {
    const { ok } = await state.deps.wrangler(COMMANDS.queueInfo(name));
    if (!ok) await run(state, COMMANDS.createQueue(name));
  }
}

/** A rule of that name is left as it is: the operator may have changed its days. */
async function addPayloadRule(state: DeployState, bucket: string): Promise<void> {
  const rules = await run(state, COMMANDS.listRules(bucket));
  if (!new RegExp(`\\s${PAYLOAD_RULE}\\s`).test(rules)) await run(state, COMMANDS.addPayloadRule(bucket));
}

async function takeBookmark(state: DeployState): Promise<void> {
  if (state.databaseIsNew) return;
  const found = jsonIn(await run(state, COMMANDS.bookmark));
  const [bookmark] = column([found], "bookmark");
  if (bookmark === undefined) throw new Refusal("wrangler showed no Time Travel bookmark.");
  state.bookmark = bookmark;
  state.deps.write(`  before this deploy: ${bookmark}\n`);
}
