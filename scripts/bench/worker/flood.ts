import { type App, createApp } from "../../../src/app.ts";
import { type Bindings, composeGrantDeps, composeServices } from "../../../src/bindings.ts";
import { grantDirectory } from "../../../src/grants/directory.ts";
import { GrantObject } from "../../../src/grants/grant.ts";
import { grantName } from "../../../src/grants/name.ts";
import type { GrantIdentity, GrantTokenRequest } from "../../../src/grants/protocol.ts";

// The deployed modules, and a way to have ten thousand users authorize without ten thousand browsers: codes go straight
// to the Grant objects. The flood's tokens are then asked for through the same objects.

export { ConnectorGate, DestinationLane, Housekeeper } from "../../../src/index.ts";

/** How far back the clock of the Grants is (ms), while users authorize who are to have done so long ago. */
let backMs = 0;

/** The deployed Grant, but for that. */
export class Grant extends GrantObject {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env, { ...composeGrantDeps(env), now: () => Date.now() - backMs });
  }
}

/** A batch of users, and which of the provider's tokens they get. */
interface Order {
  teamId: string;
  connectorId: string;
  kind: "ahead" | "late";
  from: number;
  count: number;
  /** How long ago they did. */
  agoMs: number;
}

const AT_ONCE = 8;

let app: App | null = null;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/flood/authorize") return authorize(await request.json<Order>(), env);
    if (pathname === "/flood/ask") return ask(await request.json<Order>(), env);
    app ??= createApp(await composeServices(env));
    return app.fetch(request, (work) => ctx.waitUntil(work));
  },
} satisfies ExportedHandler<Bindings>;

/** All of them authorize. Those whose tokens are to be refreshed ahead are given one, once. */
async function authorize(order: Order, env: Bindings): Promise<Response> {
  let next = order.from;
  backMs = order.agoMs;
  const worker = async () => {
    while (next < order.from + order.count) {
      const user = next++;
      const { stub, request } = await grantOf(order, user, env);
      const code = `${order.kind}.${user}`;
      const credential = {
        kind: "code",
        code,
        codeVerifier: "v",
        redirectUri: "https://b.example/cb",
        nonce: "n",
      } as const;
      const authorized = await stub.authorize({ ...request, ordinal: 1, credential });
      if (!authorized.ok) throw new Error(`${code}: ${authorized.failure.code} ${authorized.failure.reason}`);
      if (order.kind === "late") continue;
      const answer = await stub.token(request);
      if (!answer.ok) throw new Error(`${code}: ${answer.failure.code} ${answer.failure.reason}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  backMs = 0;
  return new Response();
}

/** One token of the first of them; 200, or the code of the failure. */
async function ask(order: Order, env: Bindings): Promise<Response> {
  const { stub, request } = await grantOf(order, order.from, env);
  const answer = await stub.token(request);
  return answer.ok ? new Response() : new Response(answer.failure.code, { status: 500 });
}

async function grantOf({ teamId, connectorId }: Order, user: number, env: Bindings) {
  const identity: GrantIdentity = {
    connectorId,
    installationId: null,
    subject: { type: "user", namespace: null, issuer: null, id: `user-${user}` },
    partition: "production",
  };
  const request: GrantTokenRequest = {
    teamId,
    identity,
    tenantId: null,
    connector: { type: "oauth", configRevision: 1, region: null, leaseSeconds: 60 },
    linkId: "lnk_flood",
    scopeCeiling: null,
    groupId: "flood",
    group: { scopes: ["read"], resources: [], audience: [], authorizationDetails: [] },
    narrow: false,
    snapshotVersion: "1",
    revokedBeforeMs: 0,
    validityBufferMs: 0,
    rejectedTokenId: null,
    leaseKey: null,
  };
  const directory = grantDirectory({ grants: env.GRANTS, gates: env.CONNECTOR_GATES });
  return { stub: directory.grant(await grantName(identity), null), request };
}
