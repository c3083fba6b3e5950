import type { Role } from "./roles.ts";

/** `production`, `preview`, `development` or a custom `env_…`. */
export type EnvironmentId = string;

/** Somebody who proved who they are. The only shape in which identity travels past `callers/`. */
export type Caller = WorkloadCaller | ServiceBindingCaller | AccessTokenCaller;

/** A workload whose OIDC token matched an identity rule (or was issued here for local development). */
export interface WorkloadCaller {
  kind: "workload";
  projectId: string;
  environment: EnvironmentId;
  /** Exact `iss` and `sub` of the verified token. */
  issuer: string;
  subject: string;
  /** Of a token that was issued here for local development: the access token that it was made with. */
  developer?: Developer;
}

/** Who made themselves a development token. */
export interface Developer {
  accessTokenId: string;
  userId: string | null;
}

/** A Worker of the same account, bound to this one with `props` that name its project. */
export interface ServiceBindingCaller {
  kind: "service-binding";
  projectId: string;
  environment: EnvironmentId;
}

/** A person or machine with an access token of this deployment. */
export interface AccessTokenCaller {
  kind: "access-token";
  tokenId: string;
  role: Role;
  projectId: string | null;
  environment: EnvironmentId | null;
  userId: string | null;
}
