import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agree } from "../../scripts/demo/agree.ts";
import { SmallBrowser } from "../../scripts/demo/small-browser.ts";
import { answers, fencedBlocks, freePort, runBlocks, type Server, type ShellRun, serve } from "./quickstart-shell.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const KEY = "key-from-the-mail-provider";

describe("the quickstart, run as it is written", () => {
  let server: Server | undefined;
  let origin: string;
  let stateDir: string;
  let blocks: string[];
  let run: ShellRun;

  beforeAll(async () => {
    const markdown = await readFile(join(root, "docs/quickstart.md"), "utf8");
    blocks = fencedBlocks(markdown, "bash");
    // The first terminal's block installs and serves; what runs this test is installed.
    const commands = fencedBlocks(markdown, "sh").join("").trim().split("\n");
    expect(commands.slice(0, -1)).toEqual(["npm ci"]);

    stateDir = await mkdtemp(join(tmpdir(), "valetkey-quickstart-"));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    origin = url;
    const settings = {
      PORT: String(port),
      VALETKEY_STATE_DIR: stateDir,
      SETUP_TOKEN: `quickstart-${crypto.randomUUID()}`,
      MASTER_KEYS: `k1:${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64")}`,
      PUBLIC_ORIGIN: url,
    };
    const env = { ...process.env, ...settings };
    server = await serve(commands.at(-1) ?? "", { cwd: root, env, url });
    const [issuer, app] = [await freePort(), await freePort()].map((free) => `http://127.0.0.1:${free}`);
    const isOver = new AbortController();
    const reader = openAddress(`${app}`, isOver.signal);
    run = await runBlocks(blocks, { cwd: root, env: { ...env, VALETKEY_URL: url, ISSUER: issuer, APP_URL: app } });
    isOver.abort();
    await reader;
  }, 240_000);

  afterAll(async () => {
    await server?.stop();
    await rm(stateDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }, 30_000);

  /** What the page asks of its reader: open the app's address, and agree to everything. */
  async function openAddress(app: string, over: AbortSignal): Promise<void> {
    if (await answers(app, over)) await agree(new SmallBrowser(), `${app}/connect`, "ada at Acme");
  }

  /** What the one block with this text printed. */
  function printedBy(text: string): string {
    const indexes = blocks.flatMap((block, index) => (block.includes(text) ? [index] : []));
    expect(indexes, `exactly one block has ${text}`).toHaveLength(1);
    return run.outputs[indexes[0] ?? -1] ?? "";
  }

  test("every command succeeds", () => {
    expect(run.errors.split("\n").filter((line) => /error|fail/i.test(line))).toEqual([]);
    expect(run.exitCode).toBe(0);
    expect(run.outputs).toHaveLength(blocks.length + 1);
  });

  test("the claim gives an owner's access token", () => {
    expect(printedBy("/v1/setup")).toMatch(/^vk_[0-9a-z]{6}…\n$/);
  });

  test("the connector's answer does not contain its key", () => {
    const printed = printedBy('"type": "api-key"');
    expect(JSON.parse(printed)).toMatchObject({ uid: "acme/mail", type: "api-key", leaseSeconds: 5 });
    expect(printed).not.toContain(KEY);
  });

  test("the workload gets the key, by curl and by the client", () => {
    const asked = JSON.parse(printedBy("WORKLOAD_TOKEN=$(api"));
    expect(asked).toMatchObject({ token: KEY, connector: { uid: "acme/mail" } });
    expect(asked.expiresAt).toBeGreaterThan(Date.now());
    const byClient = printedBy("import { getToken, getTokenResponse }");
    expect(byClient).toContain(`token: '${KEY}'`);
    expect(byClient).toContain("connector: 'acme/mail'");
  });

  test("a user agrees once, comes back to the session that started it, and has a token that is refreshed", () => {
    expect(printedBy('"draft": true')).toMatch(/\/callback\/scl_\w+\n$/);
    const first = printedBy("completeAuthorization");
    expect(first).toContain("externalSubject: 'ada at Acme'");
    const [, tokenId, authorizationId] = /tokenId: '(stk_\w+)',\s+authorizationId: '(aut_\w+)'/.exec(first) ?? [];
    const second = JSON.parse(printedBy("sleep 16"));
    expect(second).toMatchObject({ authorizationId, scopes: ["openid", "reports:read"] });
    expect(second.tokenId).not.toBe(tokenId);
  });

  test("the revocation reports what the text says of it", () => {
    const report = JSON.parse(printedBy("/tokens '{}'"));
    expect(report).toMatchObject({ tokensFound: 1, deleted: 1, local: "revoked", upstream: "unsupported" });
  });

  test("after the unlink and the lease the workload is cut off", () => {
    expect(JSON.parse(printedBy("sleep 8")).error.code).toBe("not_found");
  });

  test("the API reference is served beside the Worker, under its policy, and no other path is taken for a file", async () => {
    const at = async (path: string) => {
      const answer = await fetch(origin + path, { headers: { "sec-fetch-mode": "navigate" } });
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    };
    const page = await at("/reference");
    expect([page.status, page.headers.get("x-content-type-options")]).toEqual([200, "nosniff"]);
    expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(page.text).toBe(await readFile(join(root, "public/reference.html"), "utf8"));
    expect((await at("/openapi.json")).text).toBe(await readFile(join(root, "public/openapi.json"), "utf8"));
    const callback = await at("/callback/scl_00000000000000000000?code=1");
    expect([callback.status, callback.headers.get("x-request-id")]).toEqual([expect.any(Number), expect.any(String)]);
  });
});
