import { expect, test } from "vitest";
import { hex } from "../../src/crypto/bytes.ts";
import { randomBytes } from "../../src/crypto/random.ts";

test("no byte is given out twice, however many are asked for at a time", () => {
  const seen = new Set<string>();
  const lengths = [16, 20, 64, 65, 32, 1000];
  for (let round = 0; round < 500; round++) {
    for (const length of lengths) {
      const bytes = randomBytes(length);
      expect(bytes).toHaveLength(length);
      // Sixteen at a time, so that what was cut differently before is found again.
      for (let start = 0; start + 16 <= length; start += 16) {
        const part = hex(bytes.subarray(start, start + 16));
        expect(seen.has(part)).toBe(false);
        seen.add(part);
      }
    }
  }
});

test("what was given out is the caller's: changing it changes nothing that comes", () => {
  const first = randomBytes(20);
  const second = randomBytes(20);
  const before = hex(second);
  first.fill(0);
  expect(hex(second)).toBe(before);
  expect(first.buffer).not.toBe(second.buffer);
  expect(randomBytes(0)).toHaveLength(0);
});

test("every bit is set about as often as not", () => {
  const counts = new Array<number>(8).fill(0);
  const rounds = 2_000;
  for (let round = 0; round < rounds; round++) {
    for (const byte of randomBytes(32)) {
      for (let bit = 0; bit < 8; bit++) counts[bit] = (counts[bit] ?? 0) + ((byte >> bit) & 1);
    }
  }
  for (const count of counts) expect(Math.abs(count / (rounds * 32) - 0.5)).toBeLessThan(0.02);
});

test("as many as were asked for, however many that is", () => {
  for (const length of [64, 65, 4096, 4097, 65_536]) {
    const bytes = randomBytes(length);
    expect(bytes).toHaveLength(length);
    expect(bytes.subarray(-32).some((byte) => byte !== 0)).toBe(true);
  }
});
