import { expect, test } from "vitest";
import { randomBytes } from "../../../src/crypto/random.ts";
import { newEventId } from "../../../src/triggers/events/event-id.ts";

test("ids of later milliseconds sort after earlier ones", () => {
  const times = [0, 1, 31, 32, 1_700_000_000_000, 1_700_000_000_001, 2 ** 48 - 1];
  const ids = times.map((time) => newEventId(time, randomBytes));
  expect(ids.toSorted()).toEqual(ids);
});

test("an id is a ULID: the time in ten characters, and sixteen random ones", () => {
  // The example of the ULID specification, in lower case: https://github.com/ulid/spec
  expect(newEventId(1_469_918_176_385, () => new Uint8Array(16))).toBe(`evt_01aryz6s41${"0".repeat(16)}`);
  expect(newEventId(Date.now(), randomBytes)).toMatch(/^evt_[0-9a-hjkmnp-tv-z]{26}$/);
  expect(newEventId(1, randomBytes)).not.toBe(newEventId(1, randomBytes));
});
