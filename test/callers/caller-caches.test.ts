import { expect, test } from "vitest";
import { createCallerCaches } from "../../src/callers/caller-caches.ts";

const lease = { leaseFromMs: 0, leaseUntilMs: 1, renewAtMs: 1 };

test("an isolate remembers of issuers, projects and key sets no more than a thousand, and less if it is told so", () => {
  for (const [bound, kept] of [
    [2, 2],
    [5_000, 1_000],
  ] as const) {
    const { projects, issuers, jwks, rules } = createCallerCaches(bound);
    for (let index = 0; index < 1_500; index++) {
      const key = `k${index}`;
      projects.set(key, { ...lease, value: key });
      rules.set(key, { ...lease, value: [] });
      // Nobody looks at what is in them.
      issuers.set(key, {} as never);
      jwks.set(key, {} as never);
    }
    expect([projects.size, issuers.size, jwks.size]).toEqual([kept, kept, kept]);
    expect(rules.size).toBe(Math.min(bound, 1_500));
  }
});

test("tokens are remembered by what they weigh, too: a crowd of long ones drives out the short", () => {
  const { verifiedTokens } = createCallerCaches();
  const caller = { kind: "workload", projectId: "p", environment: "e", issuer: "i", subject: "s" } as const;
  verifiedTokens.set("short", { caller, untilMs: 1 });
  for (let index = 0; index < 1_025; index++) {
    verifiedTokens.set(`${index}`.padEnd(8 * 1024, "x"), { caller, untilMs: 1 });
  }
  expect(verifiedTokens.get("short")).toBeUndefined();
  expect(verifiedTokens.size).toBeLessThanOrEqual(1_024);
});
