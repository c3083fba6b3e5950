import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, test } from "vitest";
import { isLoopbackHost, isPublicAddress, parseAddress } from "../../src/outbound/addresses.ts";

const NOT_PUBLIC = [
  ..."0.0.0.0 0.255.255.255 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255".split(" "),
  ..."127.0.0.1 127.255.255.254 168.63.129.16 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255".split(" "),
  ..."192.0.0.1 192.0.0.192 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.1.1 192.175.48.6".split(" "),
  ..."198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1".split(" "),
  "255.255.255.255",
  ...":: ::1 ::7f00:1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe".split(" "),
  ..."0:0:0:0:0:ffff:169.254.169.254 ::ffff:0:8.8.8.8 64:ff9b::a00:1 64:ff9b::8.8.8.8 64:ff9b:1::1".split(" "),
  ..."100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:db8::1".split(" "),
  ..."2002:7f00:1:: 2002:a00:1::1 2002:808:808:: 2620:4f:8000::1 3fff::1 4000::1 5f00::1".split(" "),
  ..."fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 febf::1 fec0::1 ff02::1 ff0e::1".split(" "),
];

const PUBLIC = [
  ..."1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1".split(" "),
  ..."168.63.129.15 169.253.255.255 172.15.255.255 172.32.0.0 192.0.1.1 192.167.255.255 198.17.255.255".split(" "),
  ..."198.20.0.0 203.0.114.0 223.255.255.255".split(" "),
  ..."2001:200::1 2001:4860:4860::8888 2003::1 2606:4700:4700::1111 2a00:1450::1 3ffe:ffff::1".split(" "),
  "::ffff:8.8.8.8",
];

const NOT_ADDRESSES = [
  ..."127.1 2130706433 0x7f.0.0.1 0177.0.0.1 010.0.0.1 08.8.8.8 8.8.8 8.8.8.8.8 8.8.8.256 [::1] ::g example.com".split(
    " ",
  ),
  "",
  " 8.8.8.8",
  "8.8.8.8 ",
  "8.8.8.8/32",
  "2606:4700::1111%1",
];

describe("E-02 what a name resolves to", () => {
  test.each(NOT_PUBLIC)("E-02 %s is not a public address", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each(PUBLIC)("E-02 %s, a neighbour of a closed range, is still public", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each(NOT_ADDRESSES)("E-02 '%s' is not taken for an address", (text) => {
    expect(isPublicAddress(text)).toBe(false);
  });
});

test.each(["localhost", "api.localhost", "127.0.0.1", "127.9.9.9", "[::1]"])("%s is this machine", (hostname) => {
  expect(isLoopbackHost(hostname)).toBe(true);
});

test.each(["localhost.", "notlocalhost", "localhost.example.com", "128.0.0.1", "127.0.0.1.nip.io", "[::]", "0.0.0.0"])(
  "%s is not taken for this machine",
  (hostname) => {
    expect(isLoopbackHost(hostname)).toBe(false);
  },
);

describe("addresses are read as an independent parser reads them", () => {
  const bits = (address: ipaddr.IPv4 | ipaddr.IPv6) =>
    address.toByteArray().reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const group = fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff));
  const ipv6 = fc.array(group, { minLength: 8, maxLength: 8 });

  test("E-02 every IPv4 address", () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(parseAddress(text)).toBe((0xffffn << 32n) | bits(ipaddr.IPv4.parse(text)));
      }),
    );
  });

  test("E-02 every IPv6 address in every spelling", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV6(),
          ipv6.map((groups) => new ipaddr.IPv6(groups).toString()),
        ),
        (text) => {
          // "::1.2.3.4" is no mapped address (RFC 4291 §2.5.5.1), although that parser takes it for one.
          fc.pre(!/^::[\d.]+$/.test(text));
          const value = bits(ipaddr.IPv6.parse(text));
          expect(parseAddress(text)).toBe(value);
          expect(parseAddress(text.toUpperCase())).toBe(value);
          expect(parseAddress(ipaddr.IPv6.parse(text).toNormalizedString())).toBe(value);
        },
      ),
    );
  });

  test("E-02 what is no address to one is none to the other, but for forms that we refuse", () => {
    const part = fc.constantFrom(
      ":",
      "::",
      ".",
      "0",
      "1",
      "f",
      "255",
      "256",
      "00001",
      "127",
      "ffff",
      "1.2.3.4",
      "]",
      "@",
    );
    fc.assert(
      fc.property(fc.string({ unit: part, maxLength: 12 }), (text) => {
        if (parseAddress(text) !== null) expect(ipaddr.isValid(text)).toBe(true);
        else if (text.includes(":")) expect(ipaddr.IPv6.isValid(text) && !/[.]|00001/.test(text)).toBe(false);
        else expect(ipaddr.IPv4.isValidFourPartDecimal(text)).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test("E-02 what that parser has in a special range is not public", () => {
    const ordinary = ["unicast", "ipv4Mapped"];
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        // Its ranges are fewer than ours: what it calls special must not be public here.
        if (isPublicAddress(text)) expect(ordinary).toContain(ipaddr.parse(text).range());
      }),
      { numRuns: 2000 },
    );
  });
});
