/** Folders of `src` that are mutated, and their tests below `test` that are not asked, without `.test.ts`, with the reason. */
export const MUTATED_FOLDERS: Readonly<Record<string, { without: Readonly<Record<string, string>> }>> = {
  crypto: { without: {} },
  callers: { without: {} },
  tokens: { without: { "tokens/faults": "it kills objects in the middle of their work, which only the platform can" } },
  grants: {
    without: {
      "grants/revocation-notices": "it waits for seconds, and restarts objects as only the platform can",
      "grants/scope-ceiling": "it waits for seconds",
    },
  },
  outbound: { without: {} },
};
