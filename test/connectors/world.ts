import { inject } from "vitest";
import { type Api, accessToken, apiOf, project, setUp } from "../support/api.ts";
import { type TestServices, testServices } from "../support/services.ts";

/** A claimed deployment with two projects, and one token of each kind that asks for connectors. */
export interface World {
  api: Api;
  services: TestServices;
  teamId: string;
  owner: string;
  viewer: string;
  developer: string;
  projectA: string;
  projectB: string;
  /** Bound to project A, all of it. */
  managerOfA: string;
  managerOfB: string;
  /** Bound to a project and an environment. */
  productionOfA: string;
  productionOfB: string;
  /** A workload token of our own issuer: project A, `development`. */
  workloadOfA: string;
}

export async function newWorld(replaced: Parameters<typeof testServices>[0] = {}): Promise<World> {
  const services = await testServices(replaced);
  const api = apiOf(services);
  const { owner, teamId } = await setUp(api);
  const projectA = await project(api, owner, "project-a");
  const projectB = await project(api, owner, "project-b");
  const token = (fields: Record<string, unknown>) => accessToken(api, owner, fields);
  const workload = await api.post(`/v1/projects/${projectA}/token`, undefined, owner);
  return {
    api,
    services,
    teamId,
    owner,
    projectA,
    projectB,
    viewer: await token({ role: "viewer" }),
    developer: await token({ role: "developer" }),
    managerOfA: await token({ role: "admin", projectId: projectA }),
    managerOfB: await token({ role: "admin", projectId: projectB }),
    productionOfA: await token({ role: "developer", projectId: projectA, environment: "production" }),
    productionOfB: await token({ role: "developer", projectId: projectB, environment: "production" }),
    workloadOfA: workload.body.token,
  };
}

/** Create body of an `oauth` connector of the fixture's good provider. */
export function oauthBody(fields: Record<string, unknown> = {}, data: Record<string, unknown> = {}) {
  const serverUrl = `${inject("hostileOrigin")}/as/good`;
  const clientCredentials = { enabled: true, scopes: ["read"] };
  return {
    type: "oauth",
    data: { clientId: "c1", clientSecret: SECRET, serverUrl, clientCredentials, ...data },
    ...fields,
  };
}

/** Create body of an `api-key` connector. */
export function apiKeyBody(fields: Record<string, unknown> = {}, data: Record<string, unknown> = {}) {
  return { type: "api-key", name: "Keys", data: { values: [{ value: KEY }], ...data }, ...fields };
}

export const SECRET = "oauth-client-s3cret";
export const KEY = "api-key-v4lue";

/** The id of a new connector. */
export async function created(world: World, body: unknown): Promise<string> {
  const answer = await world.api.post("/v1/connect/connectors", body, world.owner);
  if (answer.status !== 201) throw new Error(`creating a connector answered ${answer.status}: ${answer.text}`);
  return answer.body.id;
}
