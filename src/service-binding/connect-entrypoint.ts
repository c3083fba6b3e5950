import { WorkerEntrypoint } from "cloudflare:workers";
import type { App } from "../app.ts";
import { unusableResponse } from "../http/unusable.ts";
import type { ConnectBinding } from "../sdk/service-binding.ts";
import type {
  ConnectAuthorization,
  ConnectAuthorizationCompletion,
  ConnectAuthorizationOptions,
  ConnectAuthorizationResult,
  ConnectGrantParams,
  ConnectInstallationOptions,
  ConnectorMetadata,
  ConnectRevocation,
  ConnectRevocationParams,
  ConnectTokenParams,
  ConnectTokenResponse,
} from "../sdk/types.ts";
import { badRequest, rpcError } from "./rpc-error.ts";

interface Exchange {
  method: "GET" | "POST" | "DELETE";
  path: string;
  body?: string;
}

/** The host is nobody's: the request never leaves this isolate. */
const ORIGIN = "https://service-binding.invalid";

/**
 * What Workers of the same account call through a service binding, without any token. Each call is the HTTP request of
 * the same name, with the binding's `props` in the place of a credential: the same routes, checks, limits and log.
 */
export class ConnectEntrypoint extends WorkerEntrypoint<unknown> implements ConnectBinding {
  readonly #app: () => Promise<App>;

  constructor(ctx: ExecutionContext, env: unknown, app: () => Promise<App>) {
    super(ctx, env);
    this.#app = app;
  }

  async getToken(connector: string, params?: ConnectTokenParams): Promise<string> {
    return (await this.getTokenResponse(connector, params)).token;
  }

  async getTokenResponse(connector: string, params: ConnectTokenParams = {}): Promise<ConnectTokenResponse> {
    const path = `/v1/connect/token/${segment(connector)}`;
    return this.#send({ method: "POST", path, body: json(params) });
  }

  async revokeToken(connector: string, params: ConnectRevocationParams): Promise<ConnectRevocation> {
    const path = `/v1/connect/connectors/${segment(connector)}/tokens`;
    return this.#send({ method: "DELETE", path, body: json(params) });
  }

  async getConnectorMetadata(connector: string): Promise<ConnectorMetadata> {
    const path = `/v1/connect/connectors/${segment(connector)}`;
    return metadataOf(await this.#send({ method: "GET", path }));
  }

  async startAuthorization(
    connector: string,
    params: ConnectGrantParams,
    options: Omit<ConnectAuthorizationOptions, "signal"> = {},
  ): Promise<ConnectAuthorization> {
    const path = `/v1/connect/authorize/${segment(connector)}`;
    return this.#send({ method: "POST", path, body: json({ ...object(params), ...object(options) }) });
  }

  async startInstallation(
    connector: string,
    options: Omit<ConnectInstallationOptions, "signal"> = {},
  ): Promise<ConnectAuthorization> {
    return this.#send({ method: "POST", path: `/v1/connect/install/${segment(connector)}`, body: json(options) });
  }

  async completeAuthorization(completion: ConnectAuthorizationCompletion): Promise<ConnectAuthorizationResult> {
    return this.#send({ method: "POST", path: "/v1/connect/complete", body: json(completion) });
  }

  async getAuthorizationResult(verifier: string): Promise<ConnectAuthorizationResult> {
    return this.#send({ method: "POST", path: "/v1/connect/result", body: json({ verifier }) });
  }

  async #send<Body>({ method, path, body }: Exchange): Promise<Body> {
    const request = new Request(ORIGIN + path, {
      method,
      ...(body !== undefined && { body, headers: { "content-type": "application/json" } }),
    });
    const response = await this.#answer(request);
    if (!response.ok) throw await rpcError(response);
    return response.json<Body>();
  }

  async #answer(request: Request): Promise<Response> {
    let app: App;
    try {
      app = await this.#app();
    } catch (error) {
      return unusableResponse(error);
    }
    return app.fetchBound(this.ctx.props, request, (work) => this.ctx.waitUntil(work));
  }
}

type ConnectorAnswer = Omit<ConnectorMetadata, "vendor" | "clientUrl"> & {
  clientUrl?: string | null;
  data?: Record<string, unknown>;
};

/** The connector as the SDK shows it. */
function metadataOf(connector: ConnectorAnswer): ConnectorMetadata {
  const { id, uid, name, type, service, clientUrl, createdAt, updatedAt, data } = connector;
  const metadata = { id, uid, name, type, service, createdAt, updatedAt, vendor: data ?? {} };
  return clientUrl == null ? metadata : { ...metadata, clientUrl };
}

/** The connector's id or uid as one path segment. Arguments that come over RPC have whatever type they have. */
function segment(connector: unknown): string {
  // A URL parser resolves dot segments even where they are percent-encoded.
  if (typeof connector !== "string" || ["", ".", ".."].includes(connector) || !connector.isWellFormed()) {
    throw badRequest("The connector must be an id or a uid.");
  }
  return encodeURIComponent(connector);
}

function object(value: unknown): object {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw badRequest("The parameters must be an object of plain JSON.");
}

function json(params: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(object(params));
  } catch {
    // A cycle or a bigint: refused below like anything else that is no JSON.
  }
  if (text === undefined) throw badRequest("The parameters must be an object of plain JSON.");
  return text;
}
