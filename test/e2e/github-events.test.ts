import { Webhooks } from "@octokit/webhooks";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyTrigger } from "../../src/sdk/triggers/index.ts";
import type { FakeGitHub } from "../providers/github/github.ts";
import { type GitHubDeployment, startGitHubDeployment } from "./github-deployment.ts";
import type { ByHand, GitHubWorld } from "./github-world.ts";
import { type Json, text } from "./http.ts";
import { type Received, type Receiver, startReceiver } from "./receiver.ts";
import { refusal } from "./schemas.ts";
import { type Destination, eventually, triggerWorld } from "./trigger-world.ts";

// What GitHub tells of an app's installations, and what becomes of their tokens.

let deployment: GitHubDeployment;
let receiver: Receiver;
let github: FakeGitHub;
let world: GitHubWorld;
let bot: ByHand;
let all: Destination;
/** Gets what the installation in `acme` is told alone. */
let acmeOnly: Destination;
/** GitHub's ids, and ours. */
let acme: { external: number; id: string };
let globex: { external: number; id: string };

beforeAll(async () => {
  [deployment, receiver] = await Promise.all([startGitHubDeployment(), startReceiver()]);
  ({ github, world } = deployment);
  bot = await world.connect("events/bot");
  const external = await github.install(bot.slug, "acme", { repositories: ["web"] });
  acme = { external, id: await recorded(external) };
  const globexId = await github.install(bot.slug, "globex");
  globex = { external: globexId, id: await recorded(globexId) };
  const triggers = triggerWorld(deployment.team, receiver);
  const connected = { ...bot, ingressUrl: "" };
  all = await triggers.addDestination(connected, "/all");
  acmeOnly = await triggers.addDestination(connected, "/acme", { filter: { tenants: [acme.id] } });
});
afterAll(async () => {
  receiver?.stop();
  await deployment?.stop();
});

/** Our id of an installation that an event has told of. */
function recorded(external: number): Promise<string> {
  return eventually(async () => {
    const found = (await world.installations(bot)).find(({ externalId }) => externalId === String(external));
    return text(found ?? {}, "id");
  });
}

function inState(state: string, { id }: { id: string }): Promise<void> {
  return eventually(async () => {
    expect(await world.call(200, "GET", `${bot.path}/installations/${id}`)).toMatchObject({ id, state });
  });
}

function arrived({ at }: Destination, event: string, action: string): Promise<Received> {
  return eventually(() => {
    const found = receiver.at(at).findLast(({ headers, body }) => {
      return headers["x-github-event"] === event && body.includes(`"action":"${action}"`);
    });
    if (found === undefined) throw new Error(`no ${event}.${action} at ${at}`);
    return found;
  });
}

const verify = ({ url, headers: { authorization = "" }, body }: Received, { audience }: Destination) =>
  verifyTrigger(new Request(url, { method: "POST", headers: { authorization }, body }), {
    issuer: deployment.server.origin,
    audience,
  });

const at = ({ id: installationId }: { id: string }) => ({ installationId });
const minted = (installation: { id: string }, detail: Json | null = null) =>
  world.minted(bot, detail, at(installation));

/** As soon as it is refused so. */
const refusedWith = (code: string, installation: { id: string }, detail: Json | null = null) =>
  eventually(async () => {
    const answer = await world.ask(bot, detail, at(installation));
    expect(answer.status, "the token is refused").toBeGreaterThanOrEqual(400);
    expect(refusal(answer)).toMatchObject({ code });
  });

test("an event arrives as GitHub signed it, and says of which installation it is", async () => {
  for (const [installation, action] of [
    [acme, "opened"],
    [globex, "closed"],
  ] as const) {
    const payload = { action, issue: { number: 1, title: "naïve → 🔑" } };
    const sent = await github.sendEvent(bot.slug, "issues", payload, { installation: installation.external });
    expect(sent?.status).toBeLessThan(300);
    const received = await arrived(all, "issues", action);
    expect(await verify(received, all)).toMatchObject({
      installationId: installation.id,
      tenantId: String(installation.external),
      connector: { id: bot.id, type: "github" },
    });
    expect(received.body.toString()).toBe(sent?.body);
    const signature = received.headers["x-hub-signature-256"] ?? "";
    expect(await new Webhooks({ secret: bot.secret }).verify(received.body.toString(), signature)).toBe(true);
  }
  await arrived(acmeOnly, "issues", "opened");
  expect(receiver.at(acmeOnly.at).filter(({ body }) => body.includes('"action":"closed"'))).toEqual([]);
  const { events } = await world.call(200, "GET", `/v1/connect/events?connector=${encodeURIComponent(bot.uid)}`);
  expect(events).toContainEqual(expect.objectContaining({ type: "issues.closed", installationId: globex.id }));
});

test("what is signed with another connector's secret is refused, whatever installation it names", async () => {
  const other = await world.connect("events/other");
  const before = await world.installations(bot);
  const options = { installation: acme.external, secret: other.secret };
  const forged = await github.sendEvent(bot.slug, "issues", { action: "forged" }, options);
  expect(forged?.status).toBe(401);
  const deleted = { action: "deleted", installation: { id: acme.external, account: { id: 1, login: "acme" } } };
  expect((await github.sendEvent(bot.slug, "installation", deleted, { secret: other.secret }))?.status).toBe(401);
  expect(await world.installations(bot)).toEqual(before);
  expect(receiver.at(all.at).filter(({ body }) => body.includes('"forged"'))).toEqual([]);
});

test("repositories that come later are reached, and permissions that the owner accepts later are granted", async () => {
  await refusedWith("insufficient_scope", acme, { repositories: ["acme/api"] });
  await refusedWith("insufficient_scope", acme, { permissions: ["checks:read"] });
  await github.addRepositories(acme.external, ["api"]);
  await github.grant(acme.external, { contents: "read", issues: "write", checks: "read" });
  const token = await eventually(async () => {
    await minted(acme, { permissions: ["checks:read"] });
    return (await minted(acme, { repositories: ["acme/api"] })).token;
  });
  expect(await world.use(token, "/repos/acme/api/issues")).toBe(200);
  await arrived(acmeOnly, "installation_repositories", "added");
});

test("a suspended installation gets no tokens until it is unsuspended, and other tenants do", async () => {
  const { token } = await minted(acme);
  await github.suspend(acme.external);
  await refusedWith("installation_suspended", acme);
  await inState("suspended", acme);
  expect(await world.use(token, "/repos/acme/web/issues")).toBe(403);
  expect((await minted(globex)).installationId).toBe(globex.id);
  await github.unsuspend(acme.external);
  await inState("active", acme);
  const again = await eventually(() => minted(acme));
  expect(await world.use(again.token, "/repos/acme/web/issues")).toBe(200);
});

test("what was uninstalled at GitHub is gone here, and comes back under its own id", async () => {
  await github.uninstall(acme.external);
  await inState("removed", acme);
  await refusedWith("client_installation_required", acme);
  const again = await github.install(bot.slug, "acme", { repositories: ["web"] });
  expect(again).not.toBe(acme.external);
  await inState("active", acme);
  acme = { ...acme, external: again };
  const { token, installationId } = await eventually(() => minted(acme));
  expect(installationId).toBe(acme.id);
  expect(await world.use(token, "/repos/acme/web/issues")).toBe(200);
});

test("an uninstallation that no event told of is found by the next mint, and kept", async () => {
  await github.uninstall(globex.external, { notify: false });
  // One that is new may not be known everywhere yet.
  const { DB } = await deployment.server.worker.getEnv();
  await DB.prepare("UPDATE installations SET updated_at_ms = updated_at_ms - 60000 WHERE id = ?").bind(globex.id).run();
  await refusedWith("client_installation_required", globex, { permissions: ["contents:read"] });
  await inState("removed", globex);
  const mints = github.count("mint");
  await refusedWith("client_installation_required", globex, { permissions: ["issues:read"] });
  expect(github.count("mint")).toBe(mints);
});

test("an operator takes an installation that exists at GitHub, and no other", async () => {
  const { path } = bot;
  const { server, team } = deployment;
  const external = await github.install(bot.slug, "octocat", { notify: false });
  const post = (externalId: string) =>
    server.send({ method: "POST", path: `${path}/installations`, token: team.owner, body: { externalId } });
  expect((await post(String(external))).body).toMatchObject({ name: "octocat", state: "active" });
  expect(refusal(await post("1"))).toMatchObject({ status: 404 });
});
