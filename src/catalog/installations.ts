import type { Secret } from "../crypto/secret.ts";
import type { Result } from "../errors.ts";
import type { UrlPolicy } from "../outbound/url-policy.ts";
import type { Asserting, DriverDeps, Opened, TokenGroup } from "./driver.ts";
import type { AuthorizationUrlRequest } from "./driver-requests.ts";

/** One tenant of the provider in which a connector is installed, as the driver is told of it. */
export interface InstalledAt {
  /** The provider's id of the installation; a re-install may bring another. */
  externalId: string;
  /** The provider's id of the workspace, organization or account. */
  tenantId: string;
  /** How that is called at the provider; null = unknown. */
  name: string | null;
  /** What the tenant granted, in the driver's own shape. */
  details: Record<string, unknown>;
}

/** An installation as the provider has it. */
export interface FoundInstallation extends InstalledAt {
  state: "active" | "suspended";
  /** When the provider last changed it; null = it does not say. */
  changedAtMs: number | null;
}

/** What a verified event, or a call, told of an installation. Older news than what is known is ignored. */
export interface InstallationNews extends Omit<FoundInstallation, "state"> {
  state: FoundInstallation["state"] | "removed";
}

/** How a driver's connectors are installed in tenants of the provider. */
export interface Installations<Config = unknown> {
  /**
   * Where the operator's browser installs it; `tenantId` is offered first. `no_token` = the connector lacks what the rest
   * of the way would need.
   */
  installUrl(request: { config: Config; state: string; tenantId: string | null }): Result<string>;
  /** The installation by the provider's id, as the provider has it now; null = there is none of this connector. */
  find(request: InstallationRequest<Config>, deps: DriverDeps): Promise<Result<FoundInstallation | null>>;
  /**
   * Where the installer shows who they are, if the provider lets anybody name any installation in its callback;
   * null = the callback itself proves it.
   */
  proof: {
    authorizationUrl(
      request: Omit<AuthorizationUrlRequest<Config>, "group" | "prompt" | "additionalParams">,
    ): Result<string>;
    /** Whether the user whose code this is has that installation. Nothing of the user is kept. */
    has(request: ProofRequest<Config>, deps: DriverDeps): Promise<Result<boolean>>;
  } | null;
  /** Remove it at the provider. */
  remove(request: InstallationRequest<Config>, deps: DriverDeps): Promise<Result<"done" | "unsupported">>;
  /** By which id the provider's events name theirs, where the recipe looks for a tenant. The other means somebody else. */
  eventsName: "externalId" | "tenantId";
  /** Whether an event of that type tells of an installation: then it is read, whatever types a connector receives. */
  tells(type: string | null): boolean;
  /** What a verified event that `tells` says of one; null = nothing. `payload` is the parsed JSON body. */
  newsOf(type: string | null, payload: unknown): InstallationNews | null;
  /** Which tenant a token request names by itself, by id or name; null = none. */
  tenantNamedBy(group: TokenGroup): string | null;
}

export interface InstallationRequest<Config = unknown> extends Asserting<Config> {
  externalId: string;
}

export interface ProofRequest<Config = unknown> extends Opened<Config> {
  code: Secret;
  codeVerifier: Secret;
  redirectUri: string;
  externalId: string;
}

/** How a driver registers a connector at the provider through the operator's browser. */
export interface Registration {
  /** The services that it registers for, e.g. `github`. */
  services: readonly string[];
  /** Checks what the operator asked for; kept until the browser comes back. */
  plan(options: unknown, policy: UrlPolicy): Result<Record<string, unknown>>;
  /** The form that the browser posts to the provider. */
  form(request: RegistrationRequest): { url: string; fields: Record<string, string> };
  /**
   * The one-time code that the browser brought home, for what `create` takes as `data`. `upstream_rejected` = the provider
   * knows no such code: it never was one, or was used, or is too old.
   */
  finish(
    request: { plan: Record<string, unknown>; code: Secret },
    deps: DriverDeps,
  ): Promise<Result<{ data: unknown; name: string }>>;
}

export interface RegistrationRequest {
  plan: Record<string, unknown>;
  name: string;
  state: string;
  /** Where the browser comes back to, from every leg: registration, installation and users' authorization. */
  redirectUri: string;
  /** Where the provider sends events, and which; null = none are wanted. */
  webhook: { url: string; events: string[] } | null;
  publicOrigin: string;
}
