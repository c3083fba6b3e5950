/** What an issuer of a known kind is registered with, unless the operator says otherwise. */
export interface IssuerPreset {
  selectorClaim: string;
  algorithms: string[];
  /** Longest accepted age of its tokens (ms). */
  maxTokenAgeMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const GENERIC_PRESET: IssuerPreset = {
  selectorClaim: "sub",
  algorithms: ["RS256", "ES256", "PS256", "EdDSA"],
  maxTokenAgeMs: 12 * HOUR_MS,
};

/**
 * Issuers that we know by name. Selectors are claims that the platform assigns and never reuses: a `sub` made of
 * names changes owner when an organization or repository is renamed.
 */
export const ISSUER_PRESETS = {
  /** https://docs.github.com/en/actions/reference/security/oidc */
  "github-actions": { selectorClaim: "repository_id", algorithms: ["RS256"], maxTokenAgeMs: 15 * MINUTE_MS },
  /** https://vercel.com/docs/oidc/reference; build tokens live for an hour, development tokens for twelve. */
  vercel: { selectorClaim: "project_id", algorithms: ["RS256"], maxTokenAgeMs: 12 * HOUR_MS },
  /** https://cloud.google.com/docs/authentication/token-types#id */
  google: { selectorClaim: "sub", algorithms: ["RS256"], maxTokenAgeMs: HOUR_MS },
  /** https://docs.gitlab.com/ci/secrets/id_token_authentication/; a token lives as long as its job may run. */
  gitlab: { selectorClaim: "project_id", algorithms: ["RS256"], maxTokenAgeMs: 12 * HOUR_MS },
  /** Projected service account tokens; pin the `uid` too, because names are reused (`/kubernetes.io/serviceaccount/uid`). */
  kubernetes: { selectorClaim: "sub", algorithms: ["RS256", "ES256"], maxTokenAgeMs: 24 * HOUR_MS },
} as const satisfies Record<
  string,
  Readonly<{ selectorClaim: string; algorithms: readonly string[]; maxTokenAgeMs: number }>
>;

export type IssuerPresetName = keyof typeof ISSUER_PRESETS;

/** The preset of that name, or the generic one for null. */
export function issuerPreset(name: IssuerPresetName | null): IssuerPreset {
  if (name === null) return GENERIC_PRESET;
  const preset = ISSUER_PRESETS[name];
  return { ...preset, algorithms: [...preset.algorithms] };
}
