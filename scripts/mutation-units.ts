/** A part of `src` that is mutated in one run, and the tests that are to notice: the nearest to it, not all. */
export interface MutationUnit {
  /** Below `src`; its units are counted together. */
  folder: string;
  /** Files of the folder, without `.ts`; absent = those that no other unit of the folder names. */
  files?: string[];
  /** Below `test`, without `.test.ts`. */
  tests: string[];
  /**
   * What the tests need to be there. For `nothing` and `database` (one D1 for all of them), one workerd runs them all,
   * which is several times faster; for `deployment`, every file has one of its own with everything.
   */
  world: "nothing" | "database" | "deployment";
}

export const MUTATION_UNITS: Readonly<Record<string, MutationUnit>> = {
  crypto: {
    folder: "crypto",
    tests: ["bytes", "digest", "envelope", "key-ring", "mac", "secret", "signing-key"].map((name) => `crypto/${name}`),
    world: "nothing",
  },
  outbound: { folder: "outbound", tests: ["outbound/*"], world: "nothing" },
  "callers-decisions": {
    folder: "callers",
    files: [
      "access-token",
      "bearer",
      "claim-path",
      "identity-rules",
      "jwks-cache",
      "jwks-keys",
      "roles",
      "unverified-token",
      "verify-workload-token",
    ],
    tests: [
      "callers/access-token",
      "callers/bearer",
      "callers/claim-rules",
      "callers/identity-rules",
      "callers/jwks-cache",
      "callers/roles",
      "callers/verify-workload-token",
    ],
    world: "nothing",
  },
  "callers-endpoints": {
    folder: "callers",
    files: ["identity-endpoints", "identity-store", "issuer-discovery", "issuer-endpoints", "issuer-store", "presets"],
    tests: ["callers/issuer-endpoints", "callers/presets", "callers/refused-rules"],
    world: "deployment",
  },
  callers: {
    folder: "callers",
    tests: ["callers/authenticate", "callers/caller-leases", "callers/jwks-cache"],
    world: "database",
  },
  "tokens-decisions": {
    folder: "tokens",
    files: [
      "authorize",
      "canonical",
      "kv-rung",
      "ladder",
      "lease",
      "lease-envelope",
      "lease-keys",
      "revocation",
      "snapshot",
      "token-caches",
      "token-request",
      "token-wire",
    ],
    tests: [
      "tokens/authorize",
      "tokens/canonical",
      "tokens/ladder",
      "tokens/lease",
      "tokens/lease-arithmetic",
      "tokens/lease-envelope",
      "tokens/lease-keys",
      "tokens/revocation-report",
      "tokens/scope-algebra",
      "tokens/token-caches",
      "tokens/token-request",
      "tokens/token-wire",
      "tokens/who-may",
    ],
    world: "nothing",
  },
  tokens: {
    folder: "tokens",
    tests: ["tokens/revocation", "tokens/token-endpoint"],
    world: "deployment",
  },
  "grants-decisions": {
    folder: "grants",
    files: [
      "directory",
      "failure-memory",
      "freshness",
      "lease-publisher",
      "metric-points",
      "name",
      "reach",
      "token-vault",
    ],
    tests: ["grants/decisions", "grants/directory", "grants/memory", "grants/metric-points", "grants/reach-decisions"],
    world: "nothing",
  },
  "grants-index": { folder: "grants", files: ["index-row"], tests: ["grants/index-row"], world: "database" },
  grants: {
    folder: "grants",
    tests: ["grants/connector-gate", "grants/minting", "grants/revoking", "grants/stored-tokens"],
    world: "deployment",
  },
};

/** The files that a unit mutates, as patterns. */
export function mutatedFiles({ folder, files }: MutationUnit): string[] {
  if (files !== undefined) return files.map((file) => `src/${folder}/${file}.ts`);
  const others = Object.values(MUTATION_UNITS).filter((unit) => unit.folder === folder && unit.files !== undefined);
  const excluded = others.flatMap((unit) => mutatedFiles(unit)).map((file) => `!${file}`);
  return [`src/${folder}/**/*.ts`, ...excluded];
}
