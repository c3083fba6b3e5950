import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv, promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deploy } from "../../scripts/deploy/deploy.ts";
import { parseOptions } from "../../scripts/deploy/options.ts";
import { wranglerOf } from "../../scripts/deploy/wrangler.ts";
import { root } from "../../scripts/paths.ts";
import { type FakeWrangler, fakeWrangler } from "./fake-wrangler.ts";

const ORIGIN = "https://connect.example.com";
const SEQUENCE = [
  "--version",
  "whoami --json",
  "secret list --format json",
  "d1 list --json",
  "d1 create valetkey",
  "d1 create valetkey-events",
  "queues info valetkey-ingest",
  "queues create valetkey-ingest",
  "queues info valetkey-ingest-dead",
  "queues create valetkey-ingest-dead",
  "d1 migrations apply DB --remote",
  "d1 migrations apply EVENTS --remote",
  "secret bulk",
  "deploy --minify",
  "r2 bucket lifecycle list valetkey-blobs",
  "r2 bucket lifecycle add valetkey-blobs valetkey-payloads events/ --expire-days 45",
];

let scratch = "";
let secretsFile = "";
let fake: FakeWrangler;
/** What the deployment answers; null = nothing. */
let live: Record<string, { status: number; body: string } | null>;
let written: string;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "valetkey-deploy-"));
  secretsFile = join(scratch, "deploy.vars");
  fake = await fakeWrangler(scratch);
  written = "";
  live = {
    "/health": { status: 200, body: '{"status":"ok"}' },
    "/.well-known/openid-configuration": { status: 200, body: JSON.stringify({ issuer: ORIGIN }) },
    "/.well-known/jwks.json": { status: 200, body: '{"keys":[]}' },
  };
});
afterEach(() => rm(scratch, { recursive: true }));

async function run(argv: string[] = [], environment: Record<string, string> = {}): Promise<void> {
  const env = { ...fake.environment, ...environment };
  await deploy(parseOptions(["--secrets-file", secretsFile, ...argv]), {
    environment: env,
    wrangler: wranglerOf(env),
    fetch: async (url) => {
      const answer = live[new URL(url).pathname];
      if (!answer) throw new Error("no answer");
      return new Response(answer.body, { status: answer.status });
    },
    ask: async () => null,
    write: (text) => {
      written += text;
    },
    sleep: async () => {},
  });
}

const commands = async () => (await fake.calls()).map(({ parameters }) => parameters.join(" "));
const stored = async () => parseEnv(await readFile(secretsFile, "utf8"));
const kids = (ring: string | undefined) => (ring ?? "").split(",").map((entry) => entry.split(":")[0]);
/** What was sent to Cloudflare, the last time. */
async function sent(): Promise<Record<string, string>> {
  const call = (await fake.calls()).findLast(
    ({ parameters }) => parameters[0] === "secret" && parameters[1] === "bulk",
  );
  return JSON.parse(call?.input ?? "{}");
}

describe("the first deploy", () => {
  test("creates databases and queues, migrates, sends generated secrets, deploys, and says how to claim it", async () => {
    await run(["--origin", ORIGIN]);
    expect(await commands()).toEqual(SEQUENCE);
    const file = await stored();
    expect(file.MASTER_KEYS).toMatch(/^k1:[A-Za-z0-9+/]{43}=$/);
    expect(file.SETUP_TOKEN).toMatch(/^[\w-]{32}$/);
    expect(await sent()).toEqual({ ...file, PUBLIC_ORIGIN: ORIGIN });
    expect((await stat(secretsFile)).mode & 0o777).toBe(0o600);
    expect(written).toContain(`${ORIGIN}/v1/setup`);
    expect(written).toContain("SETUP_TOKEN in ");
  });

  test("C-13 shows no secret: not on the terminal, not on a command line, not in an error", async () => {
    await fake.change({ failing: { deploy: "it broke", "secret bulk": "cannot store" } });
    const failed = await run(["--origin", ORIGIN]).catch((error: Error) => error.message);
    const { MASTER_KEYS = "", SETUP_TOKEN = "" } = await stored();
    const seen = `${written} ${failed} ${(await commands()).join(" ")}`;
    expect(failed).toContain("cannot store");
    for (const secret of [MASTER_KEYS, MASTER_KEYS.slice(3), SETUP_TOKEN]) expect(seen).not.toContain(secret);
  });

  test("keeps the keys on disk before it sends them, and sends the same ones when it is run again", async () => {
    await fake.change({ failing: { "secret bulk": "network" } });
    await expect(run(["--origin", ORIGIN])).rejects.toThrow("network");
    const first = await stored();
    await fake.change({ failing: {} });
    await run();
    expect(await sent()).toEqual(first);
  });

  test("takes keys from the environment, and leaves them there", async () => {
    const MASTER_KEYS = `k7:${"A".repeat(42)}8=`;
    await run(["--origin", ORIGIN], { MASTER_KEYS });
    expect((await sent()).MASTER_KEYS).toBe(MASTER_KEYS);
    expect((await stored()).MASTER_KEYS).toBeUndefined();
  });

  test("stops before anything without a login, an origin, or the pinned wrangler", async () => {
    await expect(run()).rejects.toThrow("--origin");
    await fake.change({ loggedIn: false });
    await expect(run(["--origin", ORIGIN])).rejects.toThrow("wrangler login");
    await fake.change({ loggedIn: true, failing: { "--version": "broken" } });
    await expect(run(["--origin", ORIGIN])).rejects.toThrow("broken");
    const done = new Set(await commands());
    for (const change of SEQUENCE.slice(4)) expect(done).not.toContain(change);
  });

  test.for(["http://connect.example.com", "https://connect.example.com/x", "nonsense"])(
    "refuses the origin %s",
    (origin) => {
      expect(() => parseOptions(["--origin", origin])).toThrow("https");
    },
  );
});

describe("a later deploy", () => {
  beforeEach(async () => {
    await run(["--origin", ORIGIN]);
    live["/.well-known/jwks.json"] = { status: 200, body: '{"keys":[{}]}' };
    await fake.change({ referenced: ["k1"] });
    await fake.forget();
    written = "";
  });

  test("sets and creates nothing twice, and prints the bookmark from before it", async () => {
    const before = await stored();
    await run();
    expect(await commands()).toEqual([
      "--version",
      "whoami --json",
      "secret list --format json",
      "d1 list --json",
      "queues info valetkey-ingest",
      "queues info valetkey-ingest-dead",
      "d1 time-travel info DB --json",
      "d1 migrations apply DB --remote",
      "d1 migrations apply EVENTS --remote",
      "deploy --minify",
      "r2 bucket lifecycle list valetkey-blobs",
    ]);
    expect(await stored()).toEqual(before);
    expect(written).toContain("--bookmark=00000001-bookmark");
    expect(written).not.toContain("/v1/setup");
  });

  test("brings what a deployment from before the event log lacks, and takes its bookmark all the same", async () => {
    await fake.change({ databases: ["valetkey"], queues: ["valetkey-ingest"] });
    await run();
    const done = await commands();
    expect(done.filter((command) => / create /.test(command))).toEqual([
      "d1 create valetkey-events",
      "queues create valetkey-ingest-dead",
    ]);
    expect(done).toContain("d1 time-travel info DB --json");
  });

  test("sends only the secret that is missing", async () => {
    await fake.change({ secrets: ["MASTER_KEYS", "PUBLIC_ORIGIN"] });
    await run();
    expect(await sent()).toEqual({ SETUP_TOKEN: (await stored()).SETUP_TOKEN });
  });

  test("stops at a failing migration, and deploys nothing", async () => {
    await fake.change({ failing: { "d1 migrations": "no such column: x" } });
    await expect(run()).rejects.toThrow("no such column: x");
    expect(await commands()).not.toContain("deploy --minify");
    expect(await commands()).toContain("d1 time-travel info DB --json");
  });

  test("does not migrate without a bookmark", async () => {
    await fake.change({ failing: { "d1 time-travel": "unavailable" } });
    await expect(run()).rejects.toThrow("unavailable");
    expect(await commands()).not.toContain("d1 migrations apply DB --remote");
  });

  test("adds the rule for payloads beside those of the operator", async () => {
    await fake.change({ rules: ["valetkey-payloads-of-mine", "Default Multipart Abort Rule"] });
    await run();
    expect((await fake.account()).rules).toHaveLength(3);
    await run();
    expect((await fake.account()).rules.at(-1)).toBe("valetkey-payloads");
    expect((await fake.account()).rules).toHaveLength(3);
  });

  test("D-05 is refused over a deployment that lacks a referenced key", async () => {
    live["/health"] = { status: 503, body: '{"error":{"code":"key_missing"}}' };
    await expect(run()).rejects.toThrow("--set-keys");
    expect(await commands()).not.toContain("deploy --minify");
  });

  test("D-05 never makes new keys over data that is sealed with others", async () => {
    await rm(secretsFile);
    await fake.change({ secrets: null });
    await expect(run(["--origin", ORIGIN])).rejects.toThrow("Put the ring back");
    expect(await commands()).not.toContain("secret bulk");
  });

  test("is not deployed well when it is not healthy, or takes itself for somebody else", async () => {
    live["/.well-known/openid-configuration"] = { status: 200, body: '{"issuer":"https://other.example"}' };
    await expect(run()).rejects.toThrow("another origin");
    live["/health"] = null;
    await expect(run()).rejects.toThrow("answers nothing");
  });
});

describe("a change of the master keys", () => {
  beforeEach(async () => {
    await run(["--origin", ORIGIN]);
    await fake.change({ referenced: ["k1"] });
  });

  test("D-05 goes from adding a key to dropping the old one, and keeps the dropped one for backups", async () => {
    const { MASTER_KEYS: first } = await stored();
    await run(["--add-key"]);
    expect(kids((await sent()).MASTER_KEYS)).toEqual(["k1", "k2"]);
    expect(await sent()).toEqual({ MASTER_KEYS: (await stored()).MASTER_KEYS });
    await run(["--promote-key", "k2"]);
    expect(kids((await sent()).MASTER_KEYS)).toEqual(["k2", "k1"]);
    await fake.change({ referenced: ["k2"] });
    await run(["--drop-key", "k1"]);
    expect(kids((await sent()).MASTER_KEYS)).toEqual(["k2"]);
    expect((await stored()).RETIRED_MASTER_KEYS).toBe(first);
    await run(["--add-key"]);
    expect(kids((await sent()).MASTER_KEYS)).toEqual(["k2", "k3"]);
  });

  test("D-05 does not drop a key that rows need, the primary, or any while Grants do not say what they need", async () => {
    await run(["--add-key"]);
    await run(["--promote-key", "k2"]);
    await fake.forget();
    const before = await stored();
    await fake.change({ referenced: ["k1", "k2"] });
    await expect(run(["--drop-key", "k1"])).rejects.toThrow("Stored data needs 'k1'");
    await fake.change({ referenced: ["", "k2"] });
    await expect(run(["--drop-key", "k1"])).rejects.toThrow("/v1/keys/reseal");
    await fake.change({ referenced: [] });
    await expect(run(["--drop-key", "k2"])).rejects.toThrow("primary");
    expect(await stored()).toEqual(before);
    for (const change of ["secret bulk", "deploy --minify"]) expect(await commands()).not.toContain(change);
  });

  test("D-05 does not drop a key while the queue may hold what was sealed before re-sealing began", async () => {
    await run(["--add-key"]);
    await run(["--promote-key", "k2"]);
    await fake.forget();
    const before = await stored();
    await fake.change({ referenced: ["k2"], received: true });
    await expect(run(["--drop-key", "k1"])).rejects.toThrow("/v1/keys/reseal");
    await fake.change({ resealed: ["k1"] });
    await expect(run(["--drop-key", "k1"])).rejects.toThrow("eight days");
    expect(await stored()).toEqual(before);
    for (const change of ["secret bulk", "deploy --minify"]) expect(await commands()).not.toContain(change);
    await fake.change({ resealed: ["k2"] });
    await run(["--drop-key", "k1"]);
    expect(kids((await sent()).MASTER_KEYS)).toEqual(["k2"]);
  });

  test("that did not arrive is sent as it is in the file, which a missing key does not prevent", async () => {
    await fake.change({ failing: { "secret bulk": "network" } });
    await expect(run(["--add-key"])).rejects.toThrow("--set-keys");
    await fake.change({ failing: {} });
    live["/health"] = { status: 200, body: "" };
    await run(["--set-keys"]);
    expect(kids((await sent()).MASTER_KEYS)).toEqual(["k1", "k2"]);
  });

  test("is not made where the ring is not kept", async () => {
    await expect(run(["--add-key"], { MASTER_KEYS: "k1:x" })).rejects.toThrow("environment");
    await rm(secretsFile);
    await expect(run(["--add-key", "--origin", ORIGIN])).rejects.toThrow("not in the secrets file");
    expect(() => parseOptions(["--add-key", "--drop-key", "k1"])).toThrow("at a time");
  });
});

describe("npm run deploy -- --dry-run", () => {
  test("shows every command of a deploy, and runs none", async () => {
    const script = join(root, "scripts/deploy.ts");
    const parameters = [script, "--dry-run", "--secrets-file", secretsFile];
    const { stdout } = await promisify(execFile)(process.execPath, parameters, { env: fake.environment });
    expect(await fake.calls()).toEqual([]);
    await expect(stat(secretsFile)).rejects.toThrow("ENOENT");
    await run(["--origin", ORIGIN]);
    await run(["--add-key"]);
    for (const {
      parameters: [first = "", second = ""],
    } of await fake.calls()) {
      expect(stdout).toContain(`wrangler ${first} ${second}`.trimEnd());
    }
    expect(stdout).toContain("GET /health");
  });
});
