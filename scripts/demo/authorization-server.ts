import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { type ClientAuthMethod, type ClientMetadata, Provider } from "oidc-provider";
import { interactions } from "./interactions.ts";
import { memoryAdapter } from "./memory-adapter.ts";
import {
  CLAIMS_FIELD,
  LIFETIME_FIELD,
  providerConfiguration,
  type Rotation,
  SCOPES,
  WORKLOAD_CLIENT_ID,
} from "./provider-configuration.ts";
import { noRequests, type RequestCounts, watch } from "./provider-requests.ts";

/** `aud` of workload tokens unless another is asked for. */
export const WORKLOAD_AUDIENCE = "https://valetkey.example.com";

export interface AuthorizationServerOptions {
  /** 0, the default, takes any free port. */
  port?: number;
  /** Host of its URLs: `localhost` is another site than the Worker's 127.0.0.1, as a provider is. */
  host?: "127.0.0.1" | "localhost";
  /** Clients beside the two with a secret; `registerClient` adds more later. */
  clients?: ClientMetadata[];
  /** Lifetime of access tokens that clients get for themselves, one hour by default. */
  ttlSeconds?: number;
  /** The same of those that a user agreed to; `ttlSeconds` by default. */
  userTtlSeconds?: number;
  /** What a refresh does to the refresh token; `strict` by default. */
  rotation?: Rotation;
  /** How long the token endpoint thinks about a client's request, 0 by default. */
  tokenDelayMs?: number;
}

export interface DemoClient {
  clientId: string;
  clientSecret: string;
  authMethod: ClientAuthMethod;
}

export type WorkloadClaims = { sub: string } & Record<string, string | number | boolean>;

export interface AuthorizationServer {
  /** Exact `iss`; discovery is at `/.well-known/openid-configuration` below it. */
  issuer: string;
  clients: { basic: DemoClient; post: DemoClient };
  requests(): RequestCounts;
  /** Every code, access token and refresh token that a user's agreement led to. */
  issued(): string[];
  /** Register one more client, e.g. one with `private_key_jwt` whose `jwks_uri` is known only now. */
  registerClient(metadata: ClientMetadata): Promise<void>;
  /** Register a client that acts for users who come back to `redirectUri`. */
  registerUserClient(client: DemoClient, redirectUri: string): Promise<void>;
  /** From now on this account signs in and agrees by itself, as where a user did so before; null = no longer. */
  approveAs(account: string | null): void;
  /** A signed OIDC token of a workload, obtained by a grant of this server. `ttlSeconds` is 600 by default. */
  mintWorkloadToken(claims: WorkloadClaims, options?: { audience?: string; ttlSeconds?: number }): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Start a real OAuth 2.0 authorization server (oidc-provider) on loopback, where users sign in and agree. It is also an
 * OIDC issuer of workload tokens and serves one protected resource, `GET /reports` (scope `reports:read`).
 */
export async function startAuthorizationServer(options: AuthorizationServerOptions = {}): Promise<AuthorizationServer> {
  const server = createServer();
  const issuer = await listen(server, options.port ?? 0, options.host ?? "127.0.0.1");
  const clients = { basic: demoClient("client_secret_basic"), post: demoClient("client_secret_post") };
  const workloadIssuer: DemoClient = demoClient("client_secret_basic", WORKLOAD_CLIENT_ID);
  const adapter = memoryAdapter();
  const configuration = providerConfiguration({
    adapter,
    clients: [clients.basic, clients.post, workloadIssuer].map(metadataOf).concat(options.clients ?? []),
    ttlSeconds: options.ttlSeconds ?? 3600,
    userTtlSeconds: options.userTtlSeconds ?? options.ttlSeconds ?? 3600,
    rotation: options.rotation ?? "strict",
  });
  const provider = new Provider(issuer, configuration);
  const counts = noRequests();
  const issued: string[] = [];
  let approver: string | null = null;
  provider.on("authorization_code.saved", ({ jti }) => issued.push(jti));
  provider.on("access_token.saved", ({ jti }) => issued.push(jti));
  provider.on("refresh_token.saved", ({ jti }) => issued.push(jti));
  watch(provider, counts, basicCredentials(workloadIssuer), options.tokenDelayMs ?? 0);
  provider.use(interactions(provider, () => approver));
  server.on("request", provider.callback());

  const registerClient = async (metadata: ClientMetadata) => {
    await adapter("Client").upsert(metadata.client_id, metadata, 0);
  };
  return {
    issuer,
    clients,
    requests: () => ({ ...counts }),
    issued: () => [...issued],
    registerClient,
    registerUserClient: (client, redirectUri) =>
      registerClient({
        ...metadataOf(client),
        client_name: "Valetkey",
        redirect_uris: [redirectUri],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        scope: ["openid", "offline_access", ...SCOPES].join(" "),
      }),
    approveAs: (account) => {
      approver = account;
    },
    mintWorkloadToken: (claims, { audience = WORKLOAD_AUDIENCE, ttlSeconds = 600 } = {}) =>
      requestWorkloadToken(issuer, workloadIssuer, claims, audience, ttlSeconds),
    stop: () => close(server),
  };
}

async function listen(server: Server, port: number, host: string): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The authorization server has no TCP address.");
  return `http://${host}:${address.port}`;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((settle) => {
    server.close(() => settle());
  });
  server.closeAllConnections();
  await closed;
}

/** A client with a fresh secret; registering it is another step. */
export function demoClient(
  authMethod: ClientAuthMethod,
  clientId = `reports-${authMethod.replace("client_secret_", "")}`,
): DemoClient {
  return { clientId, clientSecret: randomBytes(32).toString("base64url"), authMethod };
}

function metadataOf({ clientId, clientSecret, authMethod }: DemoClient): ClientMetadata {
  return {
    client_id: clientId,
    client_secret: clientSecret,
    token_endpoint_auth_method: authMethod,
    ...(clientId === WORKLOAD_CLIENT_ID ? {} : { scope: SCOPES.join(" ") }),
  };
}

function basicCredentials({ clientId, clientSecret }: DemoClient): string {
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`;
}

async function requestWorkloadToken(
  issuer: string,
  client: DemoClient,
  claims: WorkloadClaims,
  audience: string,
  ttlSeconds: number,
): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: { authorization: basicCredentials(client) },
    body: new URLSearchParams({
      grant_type: "client_credentials",
      resource: audience,
      [CLAIMS_FIELD]: JSON.stringify(claims),
      [LIFETIME_FIELD]: String(ttlSeconds),
    }),
  });
  const answer: unknown = await response.json();
  if (
    typeof answer === "object" &&
    answer !== null &&
    "access_token" in answer &&
    typeof answer.access_token === "string"
  ) {
    return answer.access_token;
  }
  throw new Error(`The workload issuer answered ${response.status}: ${JSON.stringify(answer)}`);
}
