import { type Json, text } from "./http.ts";
import type { Server } from "./server.ts";

/** What the workload tokens of a project in an environment say, and what its identity rule demands. */
export function claimsOf(project: string, environment: string): { sub: string; environment: string } {
  return { sub: `project:${project}:environment:${environment}`, environment };
}

export const CLIENT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"] as const;
export type ClientAuthMethod = (typeof CLIENT_AUTH_METHODS)[number];

export interface Team {
  server: Server;
  teamId: string;
  /** The owner's access token. */
  owner: string;
  /** A project with links, one without, by id. */
  linked: string;
  unlinked: string;
  /** Uids. */
  oauth: Record<ClientAuthMethod, string>;
  apiKey: string;
  /** What the `api-key` connector holds. */
  apiKeyValue: string;
  /** An OIDC token of a workload of `linked` (or another slug), from the real issuer. */
  workloadToken(options?: WorkloadOptions): Promise<string>;
  /** `POST /v1/connect/token/{connector}`. */
  askForToken(
    connector: string,
    token: string,
    body?: Json,
    headers?: Record<string, string>,
  ): ReturnType<Server["send"]>;
  /** The upstream's own word on one of its tokens (RFC 7662). */
  introspect(token: string): Promise<Json>;
  createConnector(body: Json): Promise<string>;
  link(connector: string, project: string, body: Json): Promise<void>;
  /** One more linked `oauth` connector of the upstream, that nobody has asked yet. */
  freshConnector(uid: string, link?: Json): Promise<string>;
}

export interface WorkloadOptions {
  project?: string;
  environment?: string;
  audience?: string;
  ttlSeconds?: number;
}

/** A team with everything the main job needs, made through the public API alone. */
export async function setUpTeam(server: Server): Promise<Team> {
  const { origin, provider } = server;
  const setup = { method: "POST", path: "/v1/setup", body: { setupToken: server.secrets.SETUP_TOKEN } } as const;
  const claimed = await server.expect(201, setup);
  const owner = text(claimed, "accessToken");
  const post = (path: string, body: Json, status = 201) =>
    server.expect(status, { method: "POST", path, token: owner, body });

  const linked = text(await post("/v1/projects", { slug: "linked" }), "id");
  const unlinked = text(await post("/v1/projects", { slug: "unlinked" }), "id");
  await post("/v1/issuers", { issuer: provider.issuer, audience: origin, algorithms: ["ES256"] });
  for (const [project, environment] of [
    ["linked", "production"],
    ["linked", "preview"],
    ["unlinked", "production"],
  ] as const) {
    const claims = claimsOf(project, environment);
    await post(`/v1/projects/${project}/identities`, { issuer: provider.issuer, environment, claims });
  }

  const team: Team = {
    server,
    teamId: text(claimed, "teamId"),
    owner,
    linked,
    unlinked,
    oauth: { client_secret_basic: "up/basic", client_secret_post: "up/post", private_key_jwt: "up/key" },
    apiKey: "up/mail",
    apiKeyValue: `mail-key-${crypto.randomUUID()}`,
    workloadToken: ({ project = "linked", environment = "production", audience = origin, ...lifetime } = {}) =>
      provider.mintWorkloadToken(claimsOf(project, environment), { audience, ...lifetime }),
    askForToken: (connector, token, body = {}, headers = {}) =>
      server.send({ method: "POST", path: `/v1/connect/token/${encodeURIComponent(connector)}`, token, body, headers }),
    introspect: (token) => introspect(server, token),
    createConnector: async (body) => text(await post("/v1/connect/connectors", body), "uid"),
    link: async (connector, project, body) => {
      await post(`/v1/connect/connectors/${encodeURIComponent(connector)}/projects/${project}`, body, 200);
    },
    freshConnector: async (uid, link = {}) => {
      const data = oauthData(server, "client_secret_basic");
      await team.createConnector({ type: "oauth", uid, name: uid, data });
      await team.link(uid, "linked", { environments: ["production"], ...link });
      return uid;
    },
  };
  for (const method of CLIENT_AUTH_METHODS) await connectUpstream(team, method);
  const values = [{ value: team.apiKeyValue }];
  await team.createConnector({ type: "api-key", uid: team.apiKey, name: "Mail", data: { values } });
  await team.link(team.apiKey, "linked", { environments: ["production"] });
  return team;
}

/** `data` of an `oauth` connector by discovery. */
export function oauthData({ provider }: Server, method: ClientAuthMethod): Json {
  const common = {
    serverUrl: provider.issuer,
    tokenEndpointAuthMethod: method,
    clientCredentials: { enabled: true, scopes: ["reports:read"] },
  };
  if (method === "private_key_jwt") return { ...common, clientId: "reports-key" };
  const { clientId, clientSecret } = method === "client_secret_basic" ? provider.clients.basic : provider.clients.post;
  return { ...common, clientId, clientSecret };
}

async function connectUpstream(team: Team, method: ClientAuthMethod): Promise<void> {
  const { server, oauth } = team;
  const uid = oauth[method];
  await team.createConnector({ type: "oauth", uid, name: `Upstream ${method}`, data: oauthData(server, method) });
  await team.link(uid, "linked", { environments: ["production", "development"] });
  if (method !== "private_key_jwt") return;
  // The provider learns where the connector's public keys are, and fetches them itself.
  const path = `/v1/connect/connectors/${encodeURIComponent(uid)}`;
  const connector = await server.expect(200, { method: "GET", path, token: team.owner });
  await server.provider.registerClient({
    client_id: "reports-key",
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_signing_alg: "ES256",
    jwks_uri: text(connector, "data.jwksUri"),
    scope: "reports:read reports:write",
  });
}

async function introspect({ provider }: Server, token: string): Promise<Json> {
  const { clientId, clientSecret } = provider.clients.basic;
  const response = await fetch(`${provider.issuer}/token/introspection`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}` },
    body: new URLSearchParams({ token }),
  });
  const answer: unknown = await response.json();
  return { ...(typeof answer === "object" ? answer : {}) };
}
