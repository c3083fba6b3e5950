import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { utf8 } from "../../src/crypto/bytes.ts";
import { ok } from "../../src/errors.ts";
import type { GrantDeps } from "../../src/grants/deps.ts";
import { GrantObject } from "../../src/grants/grant.ts";
import { MAX_TOKEN_GROUPS } from "../../src/grants/grant-store.ts";
import { grantName } from "../../src/grants/name.ts";
import type { GrantIdentity, GrantTokenRequest } from "../../src/grants/protocol.ts";
import type { OutboundRequest } from "../../src/outbound/guarded-fetch.ts";
import { seedConnector, seedTeam } from "../connectors/rows.ts";
import { seedInstallation } from "../support/installations.ts";
import { EVERYTHING, grantWorld, rows, said } from "./world.ts";

beforeAll(() => seedTeam());

/** The Grant of an installation of a GitHub App, whose tokens are named after the one repository that they reach. */
async function installedWorld() {
  const world = await grantWorld();
  const config = {
    appId: 1,
    appSlug: "app",
    appName: "App",
    clientId: "Iv1",
    web: "https://github.example.com",
    api: "https://github.example.com/api/v3",
    hasClientSecret: false,
    hasPrivateKey: true,
  };
  const connector = await seedConnector({ type: "github", config });
  const installationId = await seedInstallation(connector.id, "ins_many", { name: "acme", external_id: "1" });
  const identity: GrantIdentity = {
    connectorId: connector.id,
    installationId,
    subject: { type: "app" },
    partition: "shared",
  };
  const [minted, revoked] = [[] as string[], [] as string[]];
  const provider = async ({ method, headers, body }: OutboundRequest) => {
    const sent = new Headers({ date: new Date(world.nowMs).toUTCString(), "content-type": "application/json" });
    if (method === "DELETE") {
      revoked.push((headers?.authorization ?? "").replace("Bearer ", ""));
      return ok({ status: 204, headers: sent, body: utf8("") });
    }
    const { repositories } = JSON.parse(String(body));
    const token = `ghs_${repositories}_${minted.length}`;
    minted.push(token);
    const expires_at = new Date(world.nowMs + 3_600_000).toISOString();
    const [name] = repositories;
    const answer = { token, expires_at, permissions: {}, repository_selection: "selected", repositories: [{ name }] };
    return ok({ status: 201, headers: sent, body: utf8(JSON.stringify(answer)) });
  };
  const gate = { ...world.deps.gate("", null), assertion: async () => ok("jwt") };
  const deps: GrantDeps = {
    ...world.deps,
    fetch: provider,
    gate: () => gate as unknown as ReturnType<GrantDeps["gate"]>,
  };
  const ask = (number: number, change: Partial<GrantTokenRequest> = {}) =>
    world.request({
      identity,
      connector: { type: "github", configRevision: 1, region: null, leaseSeconds: 60 },
      groupId: `only-${number}`,
      group: {
        scopes: [],
        resources: [],
        audience: [],
        authorizationDetails: [{ type: "github_app_installation", repositories: [`r${number}`] }],
      },
      leaseKey: `l1:${number}`,
      ...change,
    });
  const name = await grantName(identity);
  const inside = <T>(work: (grant: GrantObject, storage: DurableObjectStorage) => Promise<T>): Promise<T> =>
    runInDurableObject(env.GRANTS.getByName(name), (_, ctx) => work(new GrantObject(ctx, {}, deps), ctx.storage));
  return { world, minted, revoked, ask, inside };
}

/** As many more groups, each asked for a millisecond later than the one before, in the likeness of the one that is there. */
function fill(storage: DurableObjectStorage, count: number, fromMs: number): void {
  const columns = Object.keys(rows(storage, "tokens")[0] ?? {});
  const filled: Record<string, string> = {
    group_id: "'filler-' || n",
    token_id: "'stk_filler_' || n",
    asked_at_ms: `${fromMs} + n`,
  };
  storage.sql.exec(
    `INSERT INTO tokens (${columns.join()})
     WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
     SELECT ${columns.map((column) => filled[column] ?? column).join()} FROM numbers, (SELECT * FROM tokens LIMIT 1)`,
    count,
  );
}

test("of too many narrowings the one that was not asked for the longest goes, and is still revoked at the provider", async () => {
  const { world, minted, revoked, ask, inside } = await installedWorld();
  await inside(async (grant, storage) => {
    await grant.token(ask(0));
    world.nowMs += 1;
    await grant.token(ask(1));
    fill(storage, MAX_TOKEN_GROUPS - 2, world.nowMs);
    world.nowMs += MAX_TOKEN_GROUPS;
    // The eldest is asked for again; the second is not.
    expect(said(await grant.token(ask(0)))).toBe("ghs_r0_0");
    world.nowMs += 1;
    await grant.token(ask(2));
    expect(rows(storage, "tokens")).toHaveLength(MAX_TOKEN_GROUPS);

    expect(said(await grant.token(ask(0)))).toBe("ghs_r0_0");
    expect(minted).toEqual(["ghs_r0_0", "ghs_r1_1", "ghs_r2_2"]);
    // The evicted one is nobody's any more: it is minted anew, and the next in line makes room.
    expect(said(await grant.token(ask(1)))).toBe("ghs_r1_3");
    const groups = rows(storage, "tokens").map(({ group_id: groupId }) => groupId);
    expect(groups).toHaveLength(MAX_TOKEN_GROUPS);
    expect(groups).not.toContain("filler-1");
    expect(groups).toContain("filler-2");

    storage.sql.exec("DELETE FROM tokens WHERE token_id LIKE 'stk_filler_%'");
    storage.sql.exec("DELETE FROM superseded_tokens WHERE token_id LIKE 'stk_filler_%'");
    expect(await grant.revoke(EVERYTHING)).toMatchObject({ tokensFound: 4, providerRevoked: 4, providerPending: 0 });
    expect(revoked.toSorted()).toEqual(minted.toSorted());
  });
});
