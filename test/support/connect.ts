import { env } from "cloudflare:workers";
import { grantDirectory } from "../../src/grants/directory.ts";
import type { Services } from "../../src/services.ts";
import { d1Database } from "../../src/store/database.ts";
import { kvLeaseStore } from "../../src/store/lease-store.ts";
import { provider } from "../providers/hostile.ts";
import { type Api, accessToken, apiOf, project, setUp } from "./api.ts";
import { clock } from "./clock.ts";
import { countedBindings } from "./counting.ts";
import { type TestServices, testServices } from "./services.ts";

/** One isolate of the deployment: its own memory, the shared stores, and counted bindings. */
export interface Isolate extends ReturnType<typeof countedBindings> {
  api: Api;
  services: TestServices;
}

export async function isolate(replaced: Partial<Services> = {}): Promise<Isolate> {
  const bindings = countedBindings();
  const services = await testServices({
    now: clock.now,
    // Leases end on time, so that tests can count; the jitter has tests of its own.
    random: () => 0,
    db: d1Database(bindings.db),
    grants: grantDirectory({ grants: bindings.grants, gates: bindings.gates }),
    nudgeHousekeeper: () => env.HOUSEKEEPERS.getByName("housekeeper").nudge(),
    ...replaced,
  });
  services.leases = replaced.leases ?? kvLeaseStore(bindings.kv, services.log);
  return { ...bindings, services, api: apiOf(services) };
}

let owner: string | null = null;
/** The deployment of this test file, claimed once. */
export async function ownerToken(api: Api): Promise<string> {
  owner ??= (await setUp(api)).owner;
  return owner;
}

export interface Scene {
  name: string;
  owner: string;
  projectId: string;
  connectorId: string;
  uid: string;
  /** An access token that may ask for provider tokens, as the project's production. */
  runtime: string;
  upstream: ReturnType<typeof provider>;
}

/** A project with a linked `oauth` connector at a provider of its own; `name` keeps tests apart. */
export async function scene(api: Api, name: string, fields: Record<string, unknown> = {}): Promise<Scene> {
  const owner = await ownerToken(api);
  const upstream = provider(name);
  const projectId = await project(api, owner, name);
  const created = await api.post(
    "/v1/connect/connectors",
    {
      type: "oauth",
      name,
      uid: `oauth/${name}`,
      projectId,
      data: {
        clientId: "client",
        clientSecret: "the-client-secret",
        serverConfig: {
          issuer: upstream.issuer,
          token_endpoint: upstream.tokenEndpoint,
          revocation_endpoint: upstream.revocationEndpoint,
        },
        clientCredentials: { enabled: true, scopes: ["read"] },
      },
      ...fields,
    },
    owner,
  );
  if (created.status !== 201) throw new Error(`creating the connector answered ${created.status}: ${created.text}`);
  const runtime = await accessToken(api, owner, { role: "developer", projectId, environment: "production" });
  return { name, owner, projectId, connectorId: created.body.id, uid: created.body.uid, runtime, upstream };
}

/** `POST /v1/connect/token/{connector}`. */
export function ask(api: Api, { uid, runtime }: Pick<Scene, "uid" | "runtime">, body: object = {}) {
  return api.post(`/v1/connect/token/${encodeURIComponent(uid)}`, body, runtime);
}
