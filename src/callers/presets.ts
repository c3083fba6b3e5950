/** What an issuer is registered with, unless the operator says otherwise. */
export interface IssuerPreset {
  /** Assigned by the platform and never reused: a `sub` made of names changes owner when something is renamed. */
  selectorClaim: string;
  algorithms: readonly string[];
  /** Longest accepted age of its tokens (ms). */
  maxTokenAgeMs: number;
  /** Where the keys are when its discovery does not lead to them on its own host; `{issuer}` is the `iss`. */
  jwksUri?: string;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const GENERIC_PRESET: IssuerPreset = {
  selectorClaim: "sub",
  algorithms: ["RS256", "ES256", "PS256", "EdDSA"],
  maxTokenAgeMs: 12 * HOUR_MS,
};

/** The issuers that we know by name; src/callers/known-issuers.ts says more of each. */
export const ISSUER_PRESETS = {
  vercel: {
    selectorClaim: "project_id",
    algorithms: ["RS256"],
    // A build's token lives an hour, a function's two, a developer's twelve.
    maxTokenAgeMs: 12 * HOUR_MS,
  },
  "github-actions": {
    selectorClaim: "repository_id",
    algorithms: ["RS256"],
    maxTokenAgeMs: 15 * MINUTE_MS,
  },
  gitlab: {
    selectorClaim: "project_id",
    algorithms: ["RS256"],
    // As long as the job may run.
    maxTokenAgeMs: 12 * HOUR_MS,
  },
  google: {
    jwksUri: "https://www.googleapis.com/oauth2/v3/certs",
    selectorClaim: "sub",
    algorithms: ["RS256"],
    maxTokenAgeMs: HOUR_MS,
  },
  kubernetes: {
    selectorClaim: "/kubernetes.io/serviceaccount/uid",
    algorithms: ["RS256", "ES256"],
    maxTokenAgeMs: 24 * HOUR_MS,
  },
  "cloudflare-access": {
    jwksUri: "{issuer}/cdn-cgi/access/certs",
    // Of service tokens, whose `sub` is empty. Unconfirmed: whether a client certificate's common name may equal one;
    // an account that lets both in should give them applications of their own.
    selectorClaim: "common_name",
    algorithms: ["RS256"],
    // The application's session duration.
    maxTokenAgeMs: 24 * HOUR_MS,
  },
  fly: {
    selectorClaim: "app_id",
    // Unconfirmed: the vendor's page names no algorithm; others who verify these tokens say RS256.
    algorithms: ["RS256"],
    maxTokenAgeMs: 15 * MINUTE_MS,
  },
  buildkite: {
    selectorClaim: "pipeline_id",
    // Unconfirmed: the vendor's page names no algorithm; the published keys are RSA.
    algorithms: ["RS256"],
    // Five minutes, unless the job asks for a longer `--lifetime`.
    maxTokenAgeMs: 15 * MINUTE_MS,
  },
  circleci: {
    selectorClaim: "oidc.circleci.com/project-id",
    // Unconfirmed: the vendor's page names no algorithm; the published keys are RSA.
    algorithms: ["RS256"],
    maxTokenAgeMs: HOUR_MS,
  },
  "hcp-terraform": {
    selectorClaim: "terraform_workspace_id",
    algorithms: ["RS256"],
    // As long as the plan or apply may take.
    maxTokenAgeMs: 24 * HOUR_MS,
  },
  spiffe: {
    selectorClaim: "sub",
    // All of the standard's but PS384 and PS512.
    algorithms: ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256"],
    // Unconfirmed: SPIRE's own default is said to be five minutes; the standard sets no limit.
    maxTokenAgeMs: HOUR_MS,
  },
} as const satisfies Record<string, IssuerPreset>;

export type IssuerPresetName = keyof typeof ISSUER_PRESETS;

/** The preset of that name, or the generic one for null. */
export function issuerPreset(name: IssuerPresetName | null): IssuerPreset {
  return name === null ? GENERIC_PRESET : ISSUER_PRESETS[name];
}

/** Where that kind of issuer keeps its keys, if its discovery does not say it in a way that we accept. */
export function presetJwksUri(name: IssuerPresetName | null, issuer: string): string | undefined {
  return issuerPreset(name).jwksUri?.replace("{issuer}", issuer);
}
