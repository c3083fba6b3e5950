import { expect, test } from "vitest";
import { clientKey } from "../../src/limits/client-address.ts";

const keyOf = (headers: Record<string, string>) => clientKey(new Headers(headers));

test("U-13 an address that the client claims is nobody's: only Cloudflare's header counts", () => {
  const claimed = { "x-forwarded-for": "192.0.2.1", "x-real-ip": "192.0.2.2", "true-client-ip": "192.0.2.3" };
  expect(keyOf(claimed)).toBe(keyOf({}));
  expect(keyOf({ ...claimed, "cf-connecting-ip": "198.51.100.7" })).toBe("198.51.100.7");
});

test("U-13 whoever has an IPv6 network has one bucket, not 2^64", () => {
  const key = keyOf({ "cf-connecting-ip": "2001:db8:1:2::1" });
  expect(keyOf({ "cf-connecting-ip": "2001:db8:1:2:ffff:ffff:ffff:ffff" })).toBe(key);
  expect(keyOf({ "cf-connecting-ip": "2001:0DB8:0001:0002::9" })).toBe(key);
  expect(keyOf({ "cf-connecting-ip": "2001:db8:1:3::1" })).not.toBe(key);
});

test("an IPv4 address has one spelling", () => {
  expect(keyOf({ "cf-connecting-ip": "::ffff:198.51.100.7" })).toBe("198.51.100.7");
});

test.each(["", "nonsense", "198.51.100.7, 198.51.100.8"])("%j shares the bucket of no address", (value) => {
  expect(keyOf({ "cf-connecting-ip": value })).toBe(keyOf({}));
});
