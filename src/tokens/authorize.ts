import type { Caller, EnvironmentId } from "../callers/caller.ts";
import { roleIncludes } from "../callers/roles.ts";
import type { Capabilities } from "../catalog/capabilities.ts";
import type { AuthorizationDetail, Driver, SubjectType, TokenGroup } from "../catalog/driver.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { GrantIdentity, GrantSubject } from "../grants/protocol.ts";
import type { ConnectorSnapshot } from "./snapshot.ts";
import type { RequestedSubject, TokenRequest } from "./token-request.ts";

/** The project and environment a caller acts in. */
export interface CallerScope {
  projectId: string;
  environment: EnvironmentId;
}

/** What an authorized request resolves to: which grant, and which of its token groups. */
export interface AuthorizedRequest {
  /** Without its installation, as long as that has to be looked up. */
  identity: GrantIdentity;
  group: TokenGroup;
  /** Which installation is meant; null = the grant is of none. */
  installation: InstallationDemand | null;
}

/** Which installation a request means, as far as it and the connector say. */
export interface InstallationDemand {
  /** Our id, or the provider's of the installation or tenant; null = the default, or the only one there is. */
  reference: string | null;
  /** Ours, of those that the link allows; null = all. */
  allowed: string[] | null;
}

/**
 * Where a caller may ask for tokens at all. An access token needs a project and an environment of its own
 * (403 `environment_required`) and at least the developer role (403 `forbidden`).
 */
export function callerScope(caller: Caller): Result<CallerScope> {
  if (caller.kind !== "access-token") return ok({ projectId: caller.projectId, environment: caller.environment });
  if (!roleIncludes(caller.role, "developer")) {
    return fail("forbidden", { message: "This access token's role may not request provider tokens." });
  }
  if (caller.projectId === null || caller.environment === null) return fail("environment_required");
  return ok({ projectId: caller.projectId, environment: caller.environment });
}

/**
 * The subject a request is for. A workload or bound Worker may name any user: its project vouches for them. An access
 * token, and a development token that was made with one, may name only the user that the access token belongs to; the
 * access token means that user when it names nobody.
 */
export function effectiveSubject(caller: Caller, requested: RequestedSubject | null): Result<RequestedSubject> {
  const person = personOf(caller);
  if (person === null) return ok(requested ?? APP);
  const { userId } = person;
  if (requested === null) {
    return ok(caller.kind === "access-token" && userId !== null ? { type: "user", id: userId, issuer: null } : APP);
  }
  if (requested.type === "user" && (requested.id !== userId || requested.issuer !== null)) {
    return fail("forbidden", {
      message: "An access token, or a token made with one, may ask for the app or for its own user only.",
    });
  }
  return ok(requested);
}

const APP: RequestedSubject = { type: "app" };

/** The person behind a caller, as far as one is; null for a system, which speaks for its users. */
function personOf(caller: Caller): { userId: string | null } | null {
  if (caller.kind === "access-token") return caller;
  return caller.kind === "workload" ? (caller.developer ?? null) : null;
}

/**
 * May this caller have this token? Pure: everything it depends on is in its arguments.
 *
 * A connector that is not linked to the project does not exist for it (404); one linked for other environments
 * is 403 `forbidden`, with the message that clients match; a draft is 422 `no_token`, an unsupported subject 422
 * `unresolved_token`.
 */
export function authorize(
  scope: CallerScope,
  subject: RequestedSubject,
  snapshot: ConnectorSnapshot,
  request: TokenRequest,
  driver: Driver<unknown> | null,
): Result<AuthorizedRequest> {
  const { connector, link } = snapshot;
  if (!link.environments.includes(scope.environment)) {
    return fail("forbidden", {
      message: `connector is not linked to this project for the environment "${scope.environment}". Add the environment to the link.`,
    });
  }
  if (connector.draft) {
    return fail("no_token", {
      message: "This connector is a draft. Complete its configuration before asking for tokens.",
    });
  }
  if (driver === null || subject.type === "other") return fail("unresolved_token");
  const capabilities = driver.capabilities(connector.config);
  if (!capabilities.supportedSubjectTypes.includes(subject.type)) {
    return fail("unresolved_token", {
      message: `This connector does not support the subject "${subject.type}". It supports: ${capabilities.supportedSubjectTypes.join(", ") || "none yet"}.`,
    });
  }
  if (link.subjects !== null && !link.subjects.includes(subject.type)) {
    return fail("forbidden", { message: `The project's link does not allow the subject "${subject.type}".` });
  }
  const group = boundedGroup(driver, snapshot, subject.type, request);
  if (!group.ok) return group;
  const isInstalled = capabilities.installedSubjects?.includes(subject.type) === true;
  const installation = isInstalled
    ? demandOf(driver, snapshot, request, group.value)
    : withoutInstallation(capabilities, snapshot, subject.type, request);
  if (!installation.ok) return installation;
  return ok({
    identity: {
      connectorId: connector.id,
      installationId: null,
      subject: grantSubject(subject, link.subjectNamespace),
      // What a tenant granted is the same for every environment.
      partition: isInstalled || capabilities.partition === "shared" ? "shared" : scope.environment,
    },
    group: group.value,
    installation: installation.value,
  });
}

/** The installation that the request names, or else its details; null leaves it to the connector. */
function demandOf(
  { installations }: Driver,
  { link }: ConnectorSnapshot,
  { installationId }: TokenRequest,
  group: TokenGroup,
): Result<InstallationDemand> {
  if (installationId === "*") {
    return fail("client_installation_required", {
      message: "These tokens are of one installation. Name one as installationId.",
    });
  }
  const reference = installationId ?? installations?.tenantNamedBy(group) ?? null;
  return ok({ reference, allowed: link.installations });
}

/** For subjects whose tokens are of no installation, or of all: what names one, or a link that allows some, is refused. */
function withoutInstallation(
  capabilities: Capabilities,
  { link }: ConnectorSnapshot,
  subject: SubjectType,
  { installationId }: TokenRequest,
): Result<null> {
  const reachesAll = reachesAllInstallations(capabilities, subject);
  if (link.installations !== null) {
    return fail("client_installation_required", {
      message: reachesAll
        ? "The project's link allows certain installations only, and this subject's tokens would reach all of them."
        : "The project's link allows certain installations only, and this connector has none of them.",
    });
  }
  if (installationId === null || (reachesAll && installationId === "*")) return ok(null);
  return checkOfOneInstallation(capabilities, subject);
}

/** Whether a request may name an installation: 422 `client_installation_required` where this subject's tokens are of none, or of all. */
export function checkOfOneInstallation(capabilities: Capabilities, subject: SubjectType): Result<null> {
  if (capabilities.installedSubjects?.includes(subject) === true) return ok(null);
  return fail("client_installation_required", {
    message: reachesAllInstallations(capabilities, subject)
      ? "This subject's tokens reach all installations. Omit installationId."
      : "This connector has no installation of that id.",
  });
}

function reachesAllInstallations({ userTokens }: Capabilities, subject: SubjectType): boolean {
  return subject === "user" && userTokens?.crossInstallation === true;
}

/** The requested group within the link's ceiling. Asking above it fails; the defaults shrink to it. */
function boundedGroup(
  driver: Driver<unknown>,
  snapshot: ConnectorSnapshot,
  subjectType: SubjectType,
  request: TokenRequest,
): Result<TokenGroup> {
  const { connector, link } = snapshot;
  const { resources, audience, authorizationDetails } = request;
  const resolve = (scopes: string[]) => {
    const asked = { scopes, resources, audience, authorizationDetails };
    const group = driver.resolveGroup(connector.config, subjectType, asked);
    const ceiling = link.authorizationDetails;
    return group.ok && ceiling !== null ? withinDetails(driver, ceiling, subjectType, group.value) : group;
  };
  const resolved = resolve(request.scopes);
  const ceiling = link.scopes;
  if (!resolved.ok || ceiling === null) return resolved;
  // Each can give rights of its own at the provider, and scopes say nothing about those.
  if (resources.length + audience.length + authorizationDetails.length > 0) {
    return fail("insufficient_scope", {
      message:
        "The project's link has a ceiling of scopes, which cannot judge resources, audience or authorizationDetails. Omit them.",
    });
  }
  const within = resolved.value.scopes.filter((scope) => ceiling.includes(scope));
  const isDefault = request.scopes.length === 0;
  if (!isDefault && within.length < resolved.value.scopes.length) return aboveCeiling(ceiling);
  // A connector without default scopes leaves the choice to the provider, which knows nothing of the ceiling.
  const scopes = isDefault && resolved.value.scopes.length === 0 ? ceiling : within;
  return scopes.length === 0 ? aboveCeiling(ceiling) : resolve(scopes);
}

/** It is of app tokens: it allows no others, however little it says, and nothing where the driver cannot judge it. */
function withinDetails(driver: Driver, ceiling: AuthorizationDetail[], subject: SubjectType, group: TokenGroup) {
  const within = subject === "app" ? driver.withinDetails?.(group, ceiling) : undefined;
  return within ?? fail("permission_not_allowed");
}

function aboveCeiling(ceiling: string[]): Result<never> {
  const allowed = ceiling.join(" ") || "none";
  return fail("insufficient_scope", { message: `The project's link allows only these scopes: ${allowed}.` });
}

function grantSubject(subject: Exclude<RequestedSubject, { type: "other" }>, namespace: string | null): GrantSubject {
  return subject.type === "app" ? { type: "app" } : { type: "user", namespace, issuer: subject.issuer, id: subject.id };
}
