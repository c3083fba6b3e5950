import "vitest";

declare module "vitest" {
  /** What `test/global/` starts and tests `inject`. */
  interface ProvidedContext {
    /** A provider whose first path segment names its misbehaviour (`test/global/hostile-server.ts`). */
    hostileOrigin: string;
    /** Starts a stand-in for GitHub (`test/providers/github-client.ts`). */
    githubStarter: string;
    /** Texts of Wycheproof's vector files, by name; for `npm run test:wycheproof` alone. */
    wycheproof: Record<string, string>;
  }
}

declare global {
  namespace Cloudflare {
    interface Env {
      /** Text of `schema.sql`; only in tests. */
      TEST_SCHEMA: string;
      /** Text of `schema.events.sql`; only in tests. */
      TEST_EVENTS_SCHEMA: string;
    }
  }
}
