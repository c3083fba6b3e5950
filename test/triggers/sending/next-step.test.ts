import { describe, expect, test } from "vitest";
import type { AttemptOutcome } from "../../../src/triggers/events/event.ts";
import { nextStep, type Progress, wishesOf } from "../../../src/triggers/sending/next-step.ts";
import { outcomeOf, responseText } from "../../../src/triggers/sending/outcome.ts";

const NOW = Date.UTC(2026, 10, 22, 12);
const SCHEDULE = [5, 30, 120, 600, 1800, 7200, 18000, 36000, 36000];
const DAY_MS = 86_400_000;

/** What follows the n-th attempt, which was answered so. */
function follows(attemptCount: number, status: number | null, more: Partial<Progress> & { retryAfter?: string } = {}) {
  const { retryAfter, ...progress } = more;
  const headers = new Headers(retryAfter === undefined ? {} : { "retry-after": retryAfter });
  const outcome = status === null ? "timeout" : outcomeOf({ ok: true, value: { status } });
  const wishes = wishesOf(status === null ? null : { status, headers }, NOW);
  const facts = { attemptCount, lastStatus: null, retrySchedule: SCHEDULE, nowMs: NOW, random: 0.5, ...progress };
  return nextStep({ outcome, status }, wishes, facts);
}

describe("fault 62: what a destination answers", () => {
  test.for([200, 201, 202, 204, 299])("%i is delivered", (status) => {
    expect(follows(1, status)).toEqual({ kind: "delivered" });
  });

  test.for([null, 301, 302, 307, 308, 408, 425, 429, 500, 501, 502, 503, 504, 520, 525, 530, 599])(
    "%s is tried again for the whole schedule, which is longer than a day, and then dead",
    (status) => {
      let waitedMs = 0;
      for (const [index, seconds] of SCHEDULE.entries()) {
        expect(follows(index + 1, status)).toEqual({ kind: "again", atMs: NOW + seconds * 1000 });
        waitedMs += seconds * 1000;
      }
      expect(follows(SCHEDULE.length + 1, status)).toEqual({ kind: "dead", because: "attempts_exhausted" });
      expect(waitedMs).toBeGreaterThan(DAY_MS);
    },
  );

  test.for([400, 401, 403, 404, 405, 413, 415, 422, 451])(
    "%i is tried again for the short part of the schedule, a deploy's time, and then dead",
    (status) => {
      expect([1, 2, 3, 4].map((count) => follows(count, status).kind)).toEqual(["again", "again", "again", "again"]);
      expect(follows(5, status)).toEqual({ kind: "dead", because: "permanent_failure" });
    },
  );

  test("a schedule of short steps is used up by refusals, too", () => {
    expect(follows(3, 404, { retrySchedule: [1, 1, 1] })).toEqual({ kind: "again", atMs: NOW + 1000 });
    expect(follows(4, 404, { retrySchedule: [1, 1, 1] })).toEqual({ kind: "dead", because: "attempts_exhausted" });
  });

  test("410 counts when it is said twice in a row, not once and not after something else", () => {
    expect(follows(1, 410)).toEqual({ kind: "again", atMs: NOW + 5000 });
    expect(follows(2, 410, { lastStatus: 410 })).toEqual({ kind: "dead", because: "gone" });
    expect(follows(2, 410, { lastStatus: 500 }).kind).toBe("again");
    expect(follows(2, 404, { lastStatus: 410 }).kind).toBe("again");
  });

  test("abort-message ends this delivery at once, whatever the status, unless that is a success", () => {
    const headers = new Headers({ "webhook-delivery": "abort-message" });
    const facts = { attemptCount: 1, lastStatus: null, retrySchedule: SCHEDULE, nowMs: NOW, random: 0.5 };
    for (const status of [302, 400, 410, 500]) {
      const wishes = wishesOf({ status, headers }, NOW);
      const outcome = outcomeOf({ ok: true, value: { status } });
      expect(nextStep({ outcome, status }, wishes, facts)).toEqual({ kind: "dead", because: "permanent_failure" });
    }
    expect(nextStep({ outcome: "delivered", status: 200 }, wishesOf({ status: 200, headers }, NOW), facts).kind).toBe(
      "delivered",
    );
  });

  test("a payload that is gone is never sent again, nor is an event that goes round in circles", () => {
    const facts = { attemptCount: 1, lastStatus: null, retrySchedule: SCHEDULE, nowMs: NOW, random: 0.5 };
    const follow = (outcome: AttemptOutcome) => nextStep({ outcome, status: null }, wishesOf(null, NOW), facts);
    const over = { kind: "dead", because: "permanent_failure" };
    expect([follow("payload_gone"), follow("too_many_hops")]).toEqual([over, over]);
    expect([follow("misconfigured").kind, follow("url_not_allowed").kind]).toEqual(["again", "again"]);
  });
});

describe("fault 62: Retry-After", () => {
  test("seconds and an HTTP date are honoured with 429, 502, 503 and 504, and with nothing else", () => {
    for (const status of [429, 502, 503, 504]) {
      expect(follows(1, status, { retryAfter: "90" })).toEqual({ kind: "again", atMs: NOW + 90_000 });
      expect(follows(1, status, { retryAfter: new Date(NOW + 120_000).toUTCString() })).toEqual({
        kind: "again",
        atMs: NOW + 120_000,
      });
    }
    for (const status of [400, 404, 500])
      expect(follows(1, status, { retryAfter: "90" })).toMatchObject({ atMs: NOW + 5000 });
  });

  test("it holds for a day at most, and what is none is as if it were not there", () => {
    expect(follows(1, 503, { retryAfter: "86401" })).toMatchObject({ atMs: NOW + DAY_MS });
    expect(follows(1, 503, { retryAfter: "1e12" })).toMatchObject({ atMs: NOW + 5000 });
  });

  test("it never shortens the schedule, so that no destination burns its attempts within seconds", () => {
    expect(follows(4, 503, { retryAfter: "1" })).toEqual({ kind: "again", atMs: NOW + 600_000 });
  });
});

test("the schedule is spread by a fifth both ways, and never beyond", () => {
  expect(follows(1, 500, { random: 0 })).toEqual({ kind: "again", atMs: NOW + 4000 });
  expect(follows(1, 500, { random: 0.999999 })).toEqual({ kind: "again", atMs: NOW + 6000 });
});

test("a host that cannot be reached, a hang, a forbidden URL and a header that cannot be sent are told apart", () => {
  const failures = [
    "upstream_unreachable",
    "upstream_invalid_response",
    "upstream_timeout",
    "url_not_allowed",
    "invalid_config",
  ] as const;
  expect(failures.map((code) => outcomeOf({ ok: false, failure: { code } }))).toEqual([
    "network",
    "network",
    "timeout",
    "url_not_allowed",
    "misconfigured",
  ]);
});

test("of an answer's text, control and format characters are dropped; nothing is null", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  expect(responseText(bytes("a\u0000b\u001b[31mc\r\n\td\u202ee\u2028f\u007f"))).toBe("ab[31mc\n\tdef");
  expect(responseText(Uint8Array.of(0xff, 0x41))).toBe("\ufffdA");
  expect(responseText(bytes("\u0007"))).toBeNull();
  expect(responseText(new Uint8Array())).toBeNull();
});
