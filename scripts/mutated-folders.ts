interface MutatedFolder {
  /** Tests of other folders that are about this one, too. Like the names in `without`, below `test` and without `.test.ts`. */
  also: readonly string[];
  /** Tests of the folder itself that are not asked, with the reason. */
  without: Readonly<Record<string, string>>;
  /** Files of the folder that are not mutated, with the reason. */
  spared?: Readonly<Record<string, string>>;
}

/** Folders of `src` that are mutated. The tests of the same name are asked about them. */
export const MUTATED_FOLDERS: Readonly<Record<string, MutatedFolder>> = {
  crypto: { also: [], without: {} },
  callers: {
    also: ["authorize/login", "issuer/development-tokens", "keys/rotation", "team/access-tokens"],
    without: {},
    spared: { "known-issuers": "only the guide and the tests read it, and it says what the guide says" },
  },
  tokens: {
    also: ["limits/requests"],
    without: { "tokens/faults": "it kills objects in the middle of their work, which only the platform can" },
  },
  grants: {
    also: ["authorize/real-grant", "keys/reseal", "keys/rotation"],
    without: {
      "grants/state-machine": "its random walks take many seconds",
      "grants/revocation-notices": "it waits for seconds, and restarts objects as only the platform can",
      "grants/scope-ceiling": "it waits for seconds",
    },
  },
  outbound: { also: [], without: {} },
};
