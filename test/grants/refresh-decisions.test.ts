import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GrantPolicy } from "../../src/catalog/driver.ts";
import type { ErrorCode } from "../../src/errors.ts";
import {
  afterFailure,
  classifyRefreshFailure,
  earlyByMs,
  nextAheadAt,
  nextRefreshAt,
  type RefreshProgress,
  refreshAheadAt,
  retryAfterUnknown,
  UNTRIED,
  waitBeforeRefresh,
} from "../../src/grants/refresh-decisions.ts";

const HOUR_MS = 3_600_000;
const policy: GrantPolicy = {
  rotation: "strict",
  oldAccessTokenDies: false,
  revocationScope: "grant",
  codeLifetimeMs: 60_000,
};
/** What became of a refresh token after these answers, each at its time. */
const progressAfter = (...answers: [code: ErrorCode, atMs: number][]): RefreshProgress =>
  answers.reduce<RefreshProgress>((progress, [code, atMs]) => afterFailure(progress, { code }, atMs), UNTRIED);

describe("C-06 what a failed refresh says of the refresh token", () => {
  test.for<[ErrorCode, string]>([
    ["upstream_grant_refused", "refused"],
    ["upstream_invalid_client", "configuration"],
    ["upstream_rejected", "configuration"],
    ["key_missing", "configuration"],
    ["url_not_allowed", "configuration"],
    ["invalid_config", "configuration"],
    ["invalid_scope", "configuration"],
    ["invalid_target", "configuration"],
    ["unresolved_token", "configuration"],
    ["no_token", "configuration"],
    ["decryption_failed", "configuration"],
    ["upstream_rate_limited", "transient"],
    ["rate_limited", "transient"],
    ["upstream_timeout", "unknown"],
    ["upstream_unreachable", "unknown"],
    ["upstream_invalid_response", "unknown"],
    ["upstream_redirect_refused", "unknown"],
    ["upstream_too_large", "unknown"],
    ["upstream_id_token_invalid", "unknown"],
    ["internal_error", "unknown"],
    ["storage_unavailable", "unknown"],
  ])("%s: %s", ([code, kind]) => {
    expect(classifyRefreshFailure({ code })).toBe(kind);
  });

  test("one refusal is not believed, the second is, half a minute later", () => {
    const once = progressAfter(["upstream_grant_refused", 1_000]);
    expect(once).toMatchObject({ state: "active", refusals: 1, firstRefusedAtMs: 1_000, nextAttemptAtMs: 31_000 });
    expect(progressAfter(["upstream_grant_refused", 1_000], ["upstream_grant_refused", 30_999]).state).toBe("active");
    const twice = progressAfter(["upstream_grant_refused", 1_000], ["upstream_grant_refused", 31_000]);
    expect(twice).toMatchObject({ state: "refused_upstream", nextAttemptAtMs: null });
  });

  test("after an attempt that nobody saw end one refusal means that its answer was lost", () => {
    expect(progressAfter(["upstream_timeout", 0], ["upstream_grant_refused", 1]).state).toBe("lost_in_flight");
    const between = progressAfter(
      ["upstream_grant_refused", 0],
      ["upstream_timeout", 30_000],
      ["upstream_grant_refused", 40_000],
    );
    expect(between.state).toBe("lost_in_flight");
  });

  test("nothing but a refusal ends it, whatever comes and how often", () => {
    const codes = fc.constantFrom<ErrorCode>(
      "upstream_timeout",
      "upstream_unreachable",
      "upstream_rate_limited",
      "upstream_invalid_client",
      "upstream_rejected",
      "internal_error",
    );
    void fc.assert(
      fc.property(fc.array(codes, { maxLength: 100 }), (sequence) => {
        const progress = progressAfter(...sequence.map((code, index): [ErrorCode, number] => [code, index * 1_000]));
        expect(progress).toMatchObject({ state: "active", refusals: 0, failures: sequence.length });
      }),
    );
  });
});

describe("C-05 when a refresh may be tried again", () => {
  test("after an unknown end at once, and then ever later, up to half a minute for who waits", () => {
    const pauses = [1, 2, 3, 4, 5, 6, 7, 50].map(retryAfterUnknown);
    expect(pauses).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  test("at a strict provider not before the token that works has ended", () => {
    const unknown = progressAfter(["upstream_timeout", 1_000]);
    expect(waitBeforeRefresh(unknown, "strict", HOUR_MS, 2_000)).toBe(HOUR_MS - 2_000);
    expect(waitBeforeRefresh(unknown, "grace", HOUR_MS, 2_000)).toBe(0);
    expect(waitBeforeRefresh(unknown, "strict", null, 2_000)).toBe(0);
    expect(waitBeforeRefresh(unknown, "strict", 1_999, 2_000)).toBe(0);
    expect(waitBeforeRefresh(UNTRIED, "strict", HOUR_MS, 2_000)).toBe(0);
    expect(waitBeforeRefresh(progressAfter(["upstream_rejected", 0]), "strict", HOUR_MS, 1_000)).toBe(0);
  });

  test("as the provider asked for", () => {
    const limited = afterFailure(UNTRIED, { code: "upstream_rate_limited", retryAfterMs: 9_000 }, 1_000);
    expect(waitBeforeRefresh(limited, "stable", null, 2_000)).toBe(8_000);
  });

  test("is what the alarm goes by: to confirm a refusal, to find out about an unknown end, and else not", () => {
    expect(nextRefreshAt(UNTRIED, policy, null)).toBeNull();
    expect(nextRefreshAt(progressAfter(["upstream_invalid_client", 1_000]), policy, null)).toBeNull();
    expect(nextRefreshAt(progressAfter(["upstream_grant_refused", 1_000]), policy, null)).toBe(31_000);
    expect(nextRefreshAt(progressAfter(["upstream_timeout", 1_000]), { ...policy, rotation: "grace" }, null)).toBe(
      1_000,
    );
    expect(nextRefreshAt(progressAfter(["upstream_timeout", 1_000]), policy, { expiresAtMs: HOUR_MS })).toBe(HOUR_MS);
    const often = progressAfter(...Array.from({ length: 40 }, (): [ErrorCode, number] => ["upstream_timeout", 5]));
    expect(nextRefreshAt(often, policy, null)).toBe(5 + HOUR_MS);
    const lost = progressAfter(["upstream_timeout", 0], ["upstream_grant_refused", 1]);
    expect(nextRefreshAt(lost, policy, null)).toBeNull();
  });

  test("spares the token that works where an unknown end could cost it, and nowhere else", () => {
    const [last, grace] = [{ expiresAtMs: HOUR_MS }, { ...policy, rotation: "grace" } as const];
    expect(nextRefreshAt(progressAfter(["upstream_grant_refused", 1_000]), policy, last)).toBe(31_000);
    expect(nextRefreshAt(progressAfter(["upstream_timeout", 1_000]), grace, last)).toBe(1_000);
    const both = progressAfter(["upstream_grant_refused", 0], ["upstream_timeout", 30_000]);
    expect(nextRefreshAt(both, policy, last)).toBe(HOUR_MS);
  });

  test("leaves time after the second unknown end: a second for who waits, two for the alarm", () => {
    const twice = progressAfter(["upstream_timeout", 5], ["upstream_timeout", 5]);
    expect(twice.nextAttemptAtMs).toBe(1_005);
    expect(nextRefreshAt(twice, { ...policy, rotation: "grace" }, null)).toBe(2_005);
  });
});

describe("refreshing ahead of the end", () => {
  const token = { expiresAtMs: HOUR_MS, lifetimeMs: HOUR_MS, wanted: true, jitter: 0 };

  test("is five minutes or a fifth of the lifetime before it, or up to half of that later", () => {
    expect(refreshAheadAt(token)).toBe(HOUR_MS - 300_000);
    expect(refreshAheadAt({ ...token, lifetimeMs: 100_000 })).toBe(HOUR_MS - 20_000);
    void fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (jitter) => {
        const atMs = refreshAheadAt({ ...token, jitter });
        expect(atMs).toBeGreaterThanOrEqual(HOUR_MS - 300_000);
        expect(atMs).toBeLessThan(HOUR_MS - 150_000 + 1);
      }),
    );
  });

  test("is for tokens that are in use, whose refresh token works, and that a refresh does not end", () => {
    expect(nextAheadAt(UNTRIED, policy, token)).toBe(HOUR_MS - 300_000);
    expect(nextAheadAt(UNTRIED, policy, { ...token, wanted: false })).toBeNull();
    expect(nextAheadAt(UNTRIED, { ...policy, oldAccessTokenDies: true }, token)).toBeNull();
    expect(nextAheadAt({ ...UNTRIED, state: "revoked" }, policy, token)).toBeNull();
    expect(nextAheadAt(progressAfter(["upstream_timeout", 0]), policy, token)).toBeNull();
    expect(nextAheadAt(progressAfter(["upstream_grant_refused", 0]), policy, token)).toBeNull();
  });

  test("is tried again less and less often, and not past the end", () => {
    const atMs = HOUR_MS - 290_000;
    const failed = (times: number) =>
      progressAfter(...Array.from({ length: times }, (): [ErrorCode, number] => ["upstream_rejected", atMs]));
    expect(nextAheadAt(failed(1), policy, token)).toBe(atMs + 1_000);
    expect(nextAheadAt(failed(7), policy, token)).toBe(atMs + 64_000);
    expect(nextAheadAt(failed(10), policy, token)).toBeNull();
    expect(nextAheadAt(progressAfter(["upstream_rejected", HOUR_MS - 1_001]), policy, token)).toBe(HOUR_MS - 1);
    expect(nextAheadAt(progressAfter(["upstream_rejected", HOUR_MS - 1_000]), policy, token)).toBeNull();
  });

  test("and a told end leave a minute, or a tenth of a short life", () => {
    expect([earlyByMs(HOUR_MS), earlyByMs(60_000), earlyByMs(5)]).toEqual([60_000, 6_000, 0]);
  });
});
