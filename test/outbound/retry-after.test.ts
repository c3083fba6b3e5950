import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readRetryAfter } from "../../src/outbound/retry-after.ts";

const NOW = Date.UTC(2026, 10, 22, 12);
const DAY_MS = 86_400_000;

test.for([
  ["0", 1000],
  ["1", 1000],
  [" 5 ", 5000],
  ["86400", DAY_MS],
  ["86401", DAY_MS],
  ["31622400", DAY_MS],
  [new Date(NOW - 60_000).toUTCString(), 1000],
  [new Date(NOW + 2 * DAY_MS).toUTCString(), DAY_MS],
] as const)("fault 62 %s is kept between a second and the longest wait", ([text, expected]) => {
  expect(readRetryAfter(text, NOW, DAY_MS)).toBe(expected);
});

test.for([
  null,
  "",
  "-1",
  "1.5",
  "1e12",
  "1000000000000",
  "99999999",
  "Infinity",
  "NaN",
  "soon",
  "0x10",
  "5 seconds",
  "2026-11-22T12:00:00Z",
  "Sun, 99 Foo 2026 99:99:99 GMT",
  "Sun, 22 Nov 9999 12:00:00 GMT",
  "31622401",
  "x Sun, 22 Nov 2026 12:00:00 GMT",
  "Sun, 22 Nov 2026 12:00:00 GMT+0100",
  "١٢",
])("fault 62 %s is ignored", (text) => {
  expect(readRetryAfter(text, NOW, DAY_MS)).toBeNull();
});

test("fault 62 whatever it says, the answer is nothing, or between a second and a day", async () => {
  await fc.assert(
    fc.property(fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String)), (text) => {
      const ms = readRetryAfter(text, NOW, DAY_MS);
      expect(ms === null || (ms >= 1000 && ms <= DAY_MS)).toBe(true);
    }),
  );
});
