import { describe, expect, test } from "vitest";
import { revocationReport, sumRevocations } from "../../src/tokens/revocation.ts";

const counts = (first: number) => ({
  tokensFound: first,
  deleted: first + 1,
  providerRevoked: first + 2,
  providerSkipped: first + 3,
  providerFailed: first + 4,
  providerPending: first + 5,
});

test("what several grants did is added up counter by counter; nothing is zeros", () => {
  expect(sumRevocations([counts(1), counts(10), counts(100)])).toEqual({
    tokensFound: 111,
    deleted: 114,
    providerRevoked: 117,
    providerSkipped: 120,
    providerFailed: 123,
    providerPending: 126,
  });
  expect(Object.values(sumRevocations([]))).toEqual([0, 0, 0, 0, 0, 0]);
});

describe("a report", () => {
  const none = sumRevocations([]);
  const facts = { supported: true, walking: false, grantsTold: 3, effectiveByMs: 99 };

  test("has all counters, and says when it is true everywhere", () => {
    expect(revocationReport(counts(1), { ...facts, supported: false })).toEqual({
      ...counts(1),
      local: "revoked",
      upstream: "unsupported",
      effectiveBy: 99,
    });
  });

  test("says done only when the provider knows all, and unsupported when it cannot know", () => {
    expect(revocationReport(none, facts).upstream).toBe("done");
    expect(revocationReport({ ...none, providerPending: 1 }, facts).upstream).toBe("pending");
    expect(revocationReport(none, { ...facts, walking: true }).upstream).toBe("pending");
    expect(revocationReport(none, { ...facts, walking: true, supported: false }).upstream).toBe("unsupported");
  });

  test("tells its progress while grants are still being told, and only then", () => {
    expect(revocationReport(none, { ...facts, walking: true }).progress).toEqual({ grantsTold: 3 });
    expect(revocationReport(none, facts)).not.toHaveProperty("progress");
  });
});
