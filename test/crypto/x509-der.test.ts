import { describe, expect, test } from "vitest";
import { concat, utf8 } from "../../src/crypto/bytes.ts";
import { importRsaKey, verifyRsa } from "../../src/crypto/rsa-signature.ts";
import { parseCertificate } from "../../src/crypto/x509.ts";
import { certifiedKey, der, pem } from "../triggers/recipes/code/certificates.ts";

const UTC = 0x17;
const GENERALIZED = 0x18;
const SPKI = der(0x30, new Uint8Array(20));
const NAME = der(0x30, new Uint8Array(3));
const time = (tag: number, text: string) => der(tag, utf8(text));
const bytes = (...values: number[]) => new Uint8Array(values);

interface Parts {
  version?: Uint8Array;
  issuer?: Uint8Array;
  from?: Uint8Array;
  /** Behind the two times. */
  alsoInValidity?: Uint8Array;
  spki?: Uint8Array;
  /** Wraps the whole. */
  outer?: (content: Uint8Array) => Uint8Array;
}

/** As much of a certificate as is looked at, as bytes. */
function certificate(parts: Parts = {}): Uint8Array {
  const { version = bytes(), issuer = NAME, from = time(UTC, "250101000000Z"), spki = SPKI } = parts;
  const validity = der(0x30, from, time(GENERALIZED, "20991231235959Z"), parts.alsoInValidity ?? bytes());
  const tbs = der(0x30, version, der(0x02, bytes(1)), NAME, issuer, validity, NAME, spki);
  const { outer = (content) => der(0x30, content) } = parts;
  return outer(concat(tbs, NAME));
}
const parse = (parts: Parts = {}) => parseCertificate(pem(certificate(parts)));

describe("a certificate is read", () => {
  test("with a version and without one", () => {
    expect(parse()).toEqual({
      spki: SPKI,
      notBeforeMs: Date.UTC(2025, 0, 1),
      notAfterMs: Date.UTC(2099, 11, 31, 23, 59, 59),
    });
    expect(parse({ version: der(0xa0, der(0x02, bytes(2))) })?.spki).toEqual(SPKI);
  });

  test.each([127, 128, 255, 256, 300])("with a name of %i bytes, whatever its length's form", (length) => {
    expect(parse({ issuer: der(0x30, new Uint8Array(length)) })?.spki).toEqual(SPKI);
  });

  test("up to 16 KiB of text, and of one more nothing", () => {
    const text = pem(certificate());
    expect(parseCertificate(text.padStart(16 * 1024, " "))).not.toBeNull();
    expect(parseCertificate(text.padStart(16 * 1024 + 1, " "))).toBeNull();
  });
});

describe("no certificate at all is one", () => {
  test.each<[string, Parts]>([
    ["with a third time", { alsoInValidity: time(UTC, "250101000000Z") }],
    ["whose key reaches beyond it", { spki: bytes(0x30, 21, ...new Uint8Array(20)) }],
    ["with a time that is a text", { from: time(0x0c, "20250101000000Z") }],
    ["with a short time of four-digit years", { from: time(UTC, "20250101000000Z") }],
    ["with a long time of two-digit years", { from: time(GENERALIZED, "250101000000Z") }],
    ["with something before the time", { from: time(UTC, "x250101000000Z") }],
    ["with something behind it", { from: time(UTC, "250101000000Zx") }],
    ["with an endless name", { issuer: bytes(0x30, 0x80, ...new Uint8Array(128)) }],
    ["with a length of three bytes", { issuer: bytes(0x30, 0x83, 1, 0, ...new Uint8Array(256)) }],
    ["with a length of one byte too many", { issuer: bytes(0x30, 0x81, 127, ...new Uint8Array(127)) }],
    ["with a length of two bytes for one", { issuer: bytes(0x30, 0x82, 0, 255, ...new Uint8Array(255)) }],
  ])("%s", (_, parts) => {
    expect(parse(parts)).toBeNull();
  });

  test("that ends before the length of one of its parts does", () => {
    for (const head of [[0x30], [0x30, 0x81], [0x30, 0x82], [0x30, 0x82, 1]]) {
      expect(parseCertificate(pem(bytes(...head)))).toBeNull();
    }
  });

  test("whose last character has bits that decode to nothing", () => {
    const whole = Array.from({ length: 3 }, (_, more) => pem(certificate({ issuer: der(0x30, new Uint8Array(more)) })));
    const text = whole.find((candidate) => candidate.includes("==")) ?? "";
    expect(parseCertificate(text)).not.toBeNull();
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const turned = text.replace(/(.)==/, (_, last: string) => `${alphabet[alphabet.indexOf(last) + 1]}==`);
    expect(parseCertificate(turned)).toBeNull();
  });
});

describe("an RSA key", () => {
  test("verifies, and can be neither read back nor used for anything else", async () => {
    const key = await importRsaKey((await certifiedKey()).spki, "SHA-256");
    expect([key?.extractable, key?.usages]).toEqual([false, ["verify"]]);
  });

  test("of another kind verifies nothing, and does not throw", async () => {
    const other = await crypto.subtle.importKey("raw", bytes(1), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    expect(await verifyRsa(other, bytes(1), bytes(2))).toBe(false);
  });
});
