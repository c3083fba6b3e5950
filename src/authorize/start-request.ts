import { rightsGivingParams } from "../catalog/oauth/authorization-parameters.ts";
import { driverOf } from "../catalog/registry.ts";
import { findConnector } from "../connectors/connector-store.ts";
import { findLink } from "../connectors/link-store.ts";
import { loadSnapshot } from "../connectors/snapshot-query.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { fail, ok, type Result } from "../errors.ts";
import { grantName } from "../grants/name.ts";
import type { Services } from "../services.ts";
import { newId } from "../store/ids.ts";
import { authorize, type CallerScope } from "../tokens/authorize.ts";
import { type ConnectorSnapshot, toSnapshot } from "../tokens/snapshot.ts";
import type { RequestedSubject, TokenRequest } from "../tokens/token-request.ts";
import { checkAppUrls } from "./app-urls.ts";
import type { AuthorizeOptions } from "./authorize-body.ts";
import { effectiveBinding } from "./binding.ts";
import { randomText } from "./flow-secrets.ts";
import { loginOf } from "./login-leg.ts";
import type { UserIdentity } from "./request-row.ts";
import { insertRequest } from "./request-store.ts";
import { steppedUp } from "./step-up.ts";

export interface StartQuestion {
  connectorRef: string;
  scope: CallerScope;
  request: TokenRequest;
  /** For whom, after the caller's own limits. */
  subject: RequestedSubject;
  options: AuthorizeOptions;
}

export interface StartedRequest {
  id: string;
  /** For the app alone; stored as its hash. */
  verifier: string;
  expiresAtMs: number;
  connector: ConnectorSnapshot["connector"];
  service: string;
}

type StartServices = Pick<Services, "db" | "keys" | "now" | "randomBytes" | "settings" | "urlPolicy" | "grants">;

/**
 * Starts an authorization. The decision is a token request's own, from the database and no cache; what would be refused
 * when the user comes is refused here, where the app can be told why.
 */
export async function startRequest(
  { connectorRef, scope, request, subject, options }: StartQuestion,
  services: StartServices,
  onConnector: (connector: ConnectorSnapshot["connector"]) => void,
): Promise<Result<StartedRequest>> {
  const { db, now, randomBytes, grants } = services;
  const row = await loadSnapshot(db, { ref: connectorRef, projectId: scope.projectId });
  if (row === null) return fail("not_found");
  const snapshot = toSnapshot(row);
  const { connector } = snapshot;
  onConnector(connector);
  const driver = driverOf(connector.type);
  const authorized = authorize(scope, subject, snapshot, request, driver);
  if (!authorized.ok) return authorized;
  const { identity } = authorized.value;
  if (driver === null || driver.userAuthorization(connector.config) === null || !isOfUser(identity)) {
    return fail("unresolved_token", {
      message:
        'Users authorize, so name one as {"subject":{"type":"user","id":"…"}}, of a connector that supports them.',
    });
  }
  const [found, link] = await Promise.all([
    findConnector(db, connector.id),
    findLink(db, connector.id, scope.projectId),
  ]);
  // Either can go between two reads.
  if (found === null || link === null) return fail("not_found");
  const binding = effectiveBinding(found.connector.minimumBinding, options.binding);
  const urls = checkAppUrls(options, link, scope.environment, services);
  if (!urls.ok) return urls;
  if (binding === "finalize" && options.returnUrl === null) return fail("return_url_required");
  if (binding === "login" && !(await loginOf(identity.subject.issuer, services)).ok) {
    return fail("login_unavailable");
  }

  const unjudged = snapshot.link.scopes === null ? [] : rightsGivingParams(options.additionalParams);
  if (unjudged.length > 0) {
    return fail("insufficient_scope", {
      message: `The project's link has a ceiling of scopes, which cannot judge additionalParams such as ${unjudged[0]}. Omit them.`,
    });
  }

  const name = await grantName(identity);
  const named = request.scopes.length > 0;
  const group = named
    ? steppedUp(authorized.value.group, await grants.grant(name, connector.region).describe(), snapshot, driver)
    : authorized.value.group;
  const createdAtMs = now();
  const verifier = randomText(randomBytes);
  const { returnUrl, webhook, prompt, additionalParams } = options;
  const started = { id: newId("sca", randomBytes), expiresAtMs: createdAtMs + options.lifetimeMs };
  const isStored = await insertRequest(db, {
    ...started,
    verifierHash: await sha256Base64url(verifier),
    connectorId: connector.id,
    projectId: scope.projectId,
    linkId: snapshot.link.id,
    environment: scope.environment,
    grantName: name,
    asked: { identity, group, returnUrl, webhook, prompt, additionalParams },
    configRevision: connector.configRevision,
    revokedBeforeMs: snapshot.revokedBeforeMs,
    binding,
    createdAtMs,
  });
  return isStored ? ok({ ...started, verifier, connector, service: row.service }) : fail("too_many_pending_requests");
}

function isOfUser(identity: { subject: { type: string } }): identity is UserIdentity {
  return identity.subject.type === "user";
}
