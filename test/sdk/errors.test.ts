import { describe, expect, test } from "vitest";
import { describeError, type ErrorCode } from "../../src/errors.ts";
import {
  ConnectError,
  ConnectorInstallationRequiredError,
  ConnectorNotFoundError,
  ForbiddenError,
  InvalidRequestError,
  NoValidTokenError,
  RateLimitedError,
  TemporarilyUnavailableError,
  UnauthorizedError,
  UserAuthorizationRequiredError,
} from "../../src/sdk/index.ts";
import { Deployment, errorOf, failure, json } from "./deployment.ts";

/** Every code of the deployment; a new one does not compile until somebody decides its class here. */
const CLASS_OF: Record<ErrorCode | "connector_installation_required", typeof ConnectError> = {
  bad_request: InvalidRequestError,
  unknown_field: InvalidRequestError,
  invalid_scope: InvalidRequestError,
  invalid_target: InvalidRequestError,
  invalid_config: InvalidRequestError,
  invalid_uid: InvalidRequestError,
  invalid_icon: InvalidRequestError,
  url_not_allowed: InvalidRequestError,
  issuer_mismatch: InvalidRequestError,
  installation_unsupported: InvalidRequestError,
  registration_unsupported: InvalidRequestError,
  return_url_required: InvalidRequestError,
  invalid_return_url: InvalidRequestError,
  invalid_webhook_url: InvalidRequestError,
  pkce_unsupported: InvalidRequestError,
  invalid_callback: InvalidRequestError,
  connector_mismatch: InvalidRequestError,
  state_browser_mismatch: InvalidRequestError,
  flow_already_used: InvalidRequestError,
  binding_required: InvalidRequestError,
  binding_mismatch: InvalidRequestError,
  login_unavailable: ConnectError,
  installation_suspended: ConnectError,
  registration_required: ConnectError,
  request_already_claimed: ConnectError,
  flow_expired: ConnectError,
  superseded: ConnectError,
  connector_changed: ConnectError,
  csrf: ForbiddenError,
  installation_not_verified: ForbiddenError,
  installation_not_approved: ForbiddenError,
  permission_not_allowed: ForbiddenError,
  access_denied: ForbiddenError,
  subject_mismatch: ForbiddenError,
  too_many_pending_requests: RateLimitedError,
  payload_too_large: ConnectError,
  unsupported_media_type: ConnectError,
  invalid_signature: UnauthorizedError,
  webhook_not_configured: TemporarilyUnavailableError,
  unauthorized: UnauthorizedError,
  invalid_token_format: InvalidRequestError,
  token_alg_not_allowed: UnauthorizedError,
  token_signature_invalid: UnauthorizedError,
  token_key_unknown: UnauthorizedError,
  token_type_not_allowed: UnauthorizedError,
  token_expired: UnauthorizedError,
  token_claims_invalid: UnauthorizedError,
  token_replayed: UnauthorizedError,
  issuer_not_trusted: UnauthorizedError,
  audience_mismatch: UnauthorizedError,
  forbidden: ForbiddenError,
  insufficient_scope: ForbiddenError,
  ambiguous_identity: ForbiddenError,
  environment_required: ForbiddenError,
  setup_required: ForbiddenError,
  not_found: ConnectorNotFoundError,
  method_not_allowed: ConnectError,
  conflict: ConnectError,
  gone: ConnectError,
  precondition_failed: ConnectError,
  no_token: NoValidTokenError,
  user_authorization_required: UserAuthorizationRequiredError,
  client_installation_required: ConnectorInstallationRequiredError,
  connector_installation_required: ConnectorInstallationRequiredError,
  unresolved_token: ConnectError,
  issuer_unusable: ConnectError,
  recipe_required: ConnectError,
  origin_not_configured: ConnectError,
  rate_limited: RateLimitedError,
  upstream_rejected: TemporarilyUnavailableError,
  upstream_invalid_client: TemporarilyUnavailableError,
  upstream_grant_refused: TemporarilyUnavailableError,
  upstream_id_token_invalid: TemporarilyUnavailableError,
  upstream_invalid_response: TemporarilyUnavailableError,
  upstream_redirect_refused: TemporarilyUnavailableError,
  upstream_too_large: TemporarilyUnavailableError,
  upstream_timeout: TemporarilyUnavailableError,
  upstream_unreachable: TemporarilyUnavailableError,
  upstream_rate_limited: RateLimitedError,
  storage_unavailable: TemporarilyUnavailableError,
  key_missing: TemporarilyUnavailableError,
  decryption_failed: ConnectError,
  internal_error: ConnectError,
};

async function errorFrom(response: () => Response) {
  const deployment = new Deployment();
  deployment.next.push(response);
  const error = await errorOf(deployment.client({ maxRetries: 0 }).getToken("slack/acme"));
  if (!(error instanceof ConnectError)) throw error;
  return error;
}

describe("errors", () => {
  test.for(Object.keys(CLASS_OF) as (keyof typeof CLASS_OF)[])("%s arrives as its class", async (code) => {
    const { status } = describeError(
      code === "connector_installation_required" ? "client_installation_required" : code,
    );
    const error = await errorFrom(() => failure(status, code));
    expect(error.constructor).toBe(CLASS_OF[code]);
    expect(error.name).toBe(CLASS_OF[code].name);
    expect(error).toMatchObject({ code, status, message: `about ${code}`, requestId: "req_body" });
  });

  test.for([403, 404, 422])("a code keeps its class under status %i", async (status) => {
    expect(await errorFrom(() => failure(status, "user_authorization_required"))).toBeInstanceOf(
      UserAuthorizationRequiredError,
    );
  });

  test("no sentence is ever taken for a code", async () => {
    const body = { error: { code: "conflict", message: "not_found: user_authorization_required no_token" } };
    expect((await errorFrom(() => json(409, body))).constructor).toBe(ConnectError);
  });

  test.for([
    [502, TemporarilyUnavailableError],
    [401, UnauthorizedError],
    [404, ConnectError],
    [500, ConnectError],
    [302, ConnectError],
  ] as const)(
    "a proxy's page with status %i is still a ConnectError, and is not quoted",
    async ([status, expected]) => {
      const error = await errorFrom(() => new Response("<h1>internal host 10.0.0.1</h1>", { status }));
      expect(error.constructor).toBe(expected);
      expect(error).toMatchObject({ code: "http_error", status, requestId: undefined });
      expect(error.message).not.toContain("10.0.0.1");
    },
  );

  test.for(["null", "[]", '"x"', '{"error":null}', '{"error":{"code":7}}', "{", ""])(
    "the odd error body %s gives a ConnectError",
    async (body) => {
      expect(await errorFrom(() => new Response(body, { status: 418 }))).toMatchObject({
        code: "http_error",
        status: 418,
      });
    },
  );

  test("the provider's reason, the flat OAuth form and the request id of the header are understood", async () => {
    const vendor = { error: "invalid_grant", status: 400 };
    expect(await errorFrom(() => json(422, { error: { code: "no_token", message: "m", vendor } }))).toMatchObject({
      vendor,
      requestId: "req_header",
    });
    expect(await errorFrom(() => json(400, { error: "invalid_target", error_description: "d" }))).toMatchObject({
      code: "invalid_target",
      message: "d",
    });
  });

  test.for([
    null,
    [],
    {},
    { token: "provider-secret" },
    { token: "provider-secret", tokenId: "stk_1", expiresAt: "soon", connector: { id: "a", uid: "b", type: "c" } },
    { token: "", tokenId: "stk_1", expiresAt: 1, connector: { id: "a", uid: "b", type: "c" } },
    { token: "provider-secret", tokenId: "stk_1", expiresAt: 1, connector: { id: "a" } },
  ])("a 200 that is not a token response is refused, not kept and not quoted: %j", async (body) => {
    const error = await errorFrom(() => json(200, body));
    expect(error).toMatchObject({ code: "invalid_response" });
    expect(JSON.stringify({ ...error, message: error.message, stack: error.stack })).not.toContain("provider-secret");
  });
});

describe("secrets", () => {
  /** All that a logger could print of a value: own properties at any depth, hidden ones included. */
  function printed(value: unknown, seen = new Set<unknown>()): string {
    if ((typeof value !== "object" && typeof value !== "function") || value === null) return String(value);
    if (seen.has(value)) return "";
    seen.add(value);
    return Reflect.ownKeys(value)
      .map((key) => `${String(key)}=${printed(Reflect.get(value, key), seen)}`)
      .join(";");
  }

  test("a body that echoes the credential or the subject's token does not carry them into the error", async () => {
    const deployment = new Deployment();
    deployment.next.push(({ headers, body }) =>
      json(400, {
        error: {
          code: "bad_request",
          message: `got ${headers.get("authorization")}`,
          vendor: { error: JSON.stringify(body) },
        },
      }),
    );
    const subject = { type: "token" as const, token: "subject-secret" };
    const error = await errorOf(deployment.client().getToken("slack/acme", { subject }));
    expect(error).toMatchObject({ code: "bad_request", message: "got Bearer [secret]" });
    expect(printed(error)).not.toMatch(/subject-secret|vk_secret/);
  });

  test("a fetch that throws its request does not carry it into the error", async () => {
    const deployment = new Deployment();
    deployment.next.push(({ headers }) => {
      throw Object.assign(new Error(`failed with ${headers.get("authorization")}`), {
        config: { headers: [...headers] },
        cause: { code: "ECONNREFUSED" },
      });
    });
    const error = await errorOf(deployment.client({ maxRetries: 0 }).getToken("slack/acme"));
    expect(error).toMatchObject({ code: "network_error", status: 0 });
    expect(String(error)).toContain("ECONNREFUSED");
    expect(printed(error)).not.toContain("vk_secret");
  });

  test("a credential that no header takes is refused without being quoted", async () => {
    const deployment = new Deployment();
    for (const credential of ["vk_secret\r\nx-evil: 1", "vk secret", "vk_секрет", "", "  "]) {
      const error = await errorOf(deployment.client({ credential }).getToken("slack/acme"));
      expect(error).toMatchObject({ code: "invalid_configuration" });
      expect(printed(error)).not.toMatch(/vk/);
    }
    expect(deployment.seen).toEqual([]);
  });

  test("a client that is printed shows neither its credential nor its tokens", async () => {
    const client = new Deployment().client();
    await client.getToken("slack/acme");
    expect(printed(client)).not.toMatch(/vk_secret|provider-token/);
  });
});
