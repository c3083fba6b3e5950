import { describe, expect, test } from "vitest";
import {
  JWKS_MAX_AGE_MS,
  KEYS_STALE_MS,
  type KeyTimes,
  LEAD_MS,
  MAX_WORKLOAD_TOKEN_SECONDS,
  mayDrop,
  OVERLAP_MS,
  publishedAt,
  purgeBeforeMs,
  signerAt,
  statusAt,
} from "../../src/issuer/key-schedule.ts";

const HOUR_MS = 3_600_000;
const T0 = Date.UTC(2026, 10, 20);

const key = (kid: string, notBeforeMs: number, retiredAtMs: number | null = null): KeyTimes => ({
  kid,
  notBeforeMs,
  retiredAtMs,
});
const kids = (keys: KeyTimes[]) => keys.map(({ kid }) => kid);

describe("which key signs, and which are published", () => {
  // What the store makes of one rotation: the old key ends when the new one begins.
  const created = T0 + 100 * HOUR_MS;
  const begins = created + LEAD_MS;
  const keys = [key("new", begins), key("old", T0, begins)];

  test("a new key is published for a whole day before its first signature, wherever its set was cached", () => {
    const knownEverywhereMs = created + KEYS_STALE_MS + JWKS_MAX_AGE_MS;
    expect(begins - knownEverywhereMs).toBeGreaterThanOrEqual(24 * HOUR_MS);
    for (let now = created; now < begins; now += HOUR_MS / 3) {
      expect(signerAt(keys, now)?.kid).toBe("old");
      expect(kids(publishedAt(keys, now))).toEqual(["new", "old"]);
    }
    expect(signerAt(keys, begins - 1)?.kid).toBe("old");
    expect(signerAt(keys, begins)?.kid).toBe("new");
  });

  test("an old key stays published until its last token has been dead for a day", () => {
    const lastTokenEndsMs = begins - 1 + MAX_WORKLOAD_TOKEN_SECONDS * 1000;
    expect(begins + OVERLAP_MS - lastTokenEndsMs).toBeGreaterThan(24 * HOUR_MS);
    expect(kids(publishedAt(keys, begins + OVERLAP_MS - 1))).toEqual(["new", "old"]);
    expect(kids(publishedAt(keys, begins + OVERLAP_MS))).toEqual(["new"]);
  });

  test("what is purged is no longer published, and what is published is not purged", () => {
    for (const now of [begins, begins + OVERLAP_MS - 1, begins + OVERLAP_MS, begins + 10 * OVERLAP_MS]) {
      const purged = keys.filter(({ retiredAtMs }) => retiredAtMs !== null && retiredAtMs <= purgeBeforeMs(now));
      const gone = keys.filter((one) => !publishedAt(keys, now).includes(one));
      expect(purged).toEqual(gone);
    }
  });

  test("the only key never ends by itself, however old it is", () => {
    const only = [key("only", T0)];
    const now = T0 + 1000 * 24 * HOUR_MS;
    expect(signerAt(only, now)?.kid).toBe("only");
    expect(kids(publishedAt(only, now))).toEqual(["only"]);
    expect(mayDrop("only", only, now)).toBe(false);
  });

  test("a clock that runs behind still finds a signer, and no clock brings a retired key back", () => {
    expect(signerAt([key("fresh", T0)], T0 - 5000)?.kid).toBe("fresh");
    expect(signerAt([key("next", begins), key("gone", T0, T0 + 1)], begins - 1)?.kid).toBe("next");
    expect(signerAt([key("gone", T0, T0 + 1)], T0 + 2)).toBeNull();
    expect(signerAt([], T0)).toBeNull();
  });

  test("two keys that began together are told apart the same way by everyone", () => {
    const twins = [key("a", T0), key("b", T0)];
    expect(signerAt(twins, T0)).toEqual(signerAt([...twins].reverse(), T0));
  });

  test("a key may be dropped when another one signs or would, and a retired one does not count", () => {
    const now = begins - HOUR_MS;
    expect(mayDrop("old", keys, now)).toBe(true);
    expect(mayDrop("new", keys, now)).toBe(true);
    expect(mayDrop("new", keys, begins)).toBe(false);
    expect(mayDrop("old", keys, begins)).toBe(true);
  });

  test("each key is shown as what it is", () => {
    const shown = (now: number) => keys.map((one) => statusAt(one, keys, now));
    expect(shown(begins - 1)).toEqual(["pending", "signing"]);
    expect(shown(begins)).toEqual(["signing", "retired"]);
  });
});
