import { describe, expect, test } from "vitest";
import { concat, utf8 } from "../../src/crypto/bytes.ts";
import { importRsaKey, verifyRsa } from "../../src/crypto/rsa-signature.ts";
import { parseCertificate } from "../../src/crypto/x509.ts";
import { certificateOf, certifiedKey, der, pem } from "../triggers/recipes/code/certificates.ts";

/** `openssl req -x509 -newkey rsa:2048 -days 36500`, its key as `openssl x509 -pubkey`, and what it signed. */
const OPENSSL = `-----BEGIN CERTIFICATE-----
MIIDVTCCAj2gAwIBAgIUKq6In9kpU1fi0bevY8QlHuvUkjwwDQYJKoZIhvcNAQEL
BQAwOTELMAkGA1UEBhMCVVMxEDAOBgNVBAoMB0V4YW1wbGUxGDAWBgNVBAMMD3Nu
cy5leGFtcGxlLmNvbTAgFw0yNjExMjIxOTQzNTRaGA8yMTI2MTAyOTE5NDM1NFow
OTELMAkGA1UEBhMCVVMxEDAOBgNVBAoMB0V4YW1wbGUxGDAWBgNVBAMMD3Nucy5l
eGFtcGxlLmNvbTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAKCee8Ih
MmeIUPCB0/FjSF6U9tS4IQ2hnJzB+INhjtrcBFe/PHyY6Wcf5vNrQE6+/nncrP/F
zyDFwwcifyQJBHe3rZOPsnMxaOd80a06MQJ2ZcO/wtVxiIOc12uRxR1tgpQyjapX
IcZ7YgVpGSiwMtwzbW8aBX1GanY7Ekx59IoBRHEIG//KJL3fzYH8LDLD4hARt5Tz
rHc8TZgLnwtdP5g7nGB50vSKQb6kexTpQDSb4Uno6IaZi4uQOHN7nRQHf4Zneg9D
E11p9ypM/eG+DjwaLgzj/e/ANrBAmYDFQ0yitl774yFbnRtfidM7m55Odahbevca
4RmO4j2PZKdW68kCAwEAAaNTMFEwHQYDVR0OBBYEFF4wLO9bm/XzafzSPzhITlrx
+nI2MB8GA1UdIwQYMBaAFF4wLO9bm/XzafzSPzhITlrx+nI2MA8GA1UdEwEB/wQF
MAMBAf8wDQYJKoZIhvcNAQELBQADggEBAJwUZvKM83j1WUEm86SuNey+whrFD4rJ
YiKfv+Su8K9wBdkDYGseUXh1SkwZWUArh3Ji7wd5AWrSBpamdtbdRZdBNmNBnGCQ
GsbABd1WWie+5IXLuJwzrCZVM9B8ofQ3CAGutZoLVPoVNKVbh2u9O4FbrzZQDxCR
KU0ctVA4lYLlF0UdOBADg3BOXUYfWr1kPJrn2XPLnV5PNgx6h4aTapJH3HlQOL7G
b31lA+zyk//8APP/NdenywXSus/wWu5+yrgegjy3LQEccPD1w74YmMgxB42z/y5y
oA0/a2Fd1QoOlzMTcH1hocMM+5a6d1UEa5eg4u/73Wr02VuzDI73VEo=
-----END CERTIFICATE-----
`;
const OPENSSL_SPKI = `MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoJ57wiEyZ4hQ8IHT8WNI
XpT21LghDaGcnMH4g2GO2twEV788fJjpZx/m82tATr7+edys/8XPIMXDByJ/JAkE
d7etk4+yczFo53zRrToxAnZlw7/C1XGIg5zXa5HFHW2ClDKNqlchxntiBWkZKLAy
3DNtbxoFfUZqdjsSTHn0igFEcQgb/8okvd/NgfwsMsPiEBG3lPOsdzxNmAufC10/
mDucYHnS9IpBvqR7FOlANJvhSejohpmLi5A4c3udFAd/hmd6D0MTXWn3Kkz94b4O
PBouDOP978A2sECZgMVDTKK2XvvjIVudG1+J0zubnk51qFt69xrhGY7iPY9kp1br
yQIDAQAB`;
const OPENSSL_SIGNATURE_OF_HELLO =
  "MkzWebbE4c9vSkUMAQ1BQbuZNbbmfIY+rtOFQaqHJduMDigs12CK7spCCbvZwQm2c+RMaxG/bXFaazUAsEeUfsgG676ImpQpZlk+3BtHgNiJaJJdN+c+5onVG4GVEMTRI2yQsw3KUiPMuNQpDCSM2KHbEEXsvD9vJNof0nAd8szuG4gVC0/NM0H/Owa0n6HiFr5Zf38YRKWAPgEvxJyQI0A8+34+mNkEDYzZnu0BE2NTzoc5t4nZar8uVGRDrFXjxDCKwqc/oAhiAIifAR8DPChKAcF6KasWJHK/GvAUs7lzBmEm6qtX8fB7fW8dtx6LjgEJ0bTC+LF9MVzg3ew1sQ==";

const fresh = await certifiedKey();
const bytesOf = (text: string) => Uint8Array.fromBase64(text.replace(/-----[A-Z ]+-----/g, ""));

describe("a certificate's key", () => {
  test("is the one that openssl reads out of it, with its two kinds of times", () => {
    const parsed = parseCertificate(OPENSSL);
    expect(parsed?.spki.toBase64()).toBe(Uint8Array.fromBase64(OPENSSL_SPKI).toBase64());
    expect(parsed?.notBeforeMs).toBe(Date.UTC(2026, 10, 22, 19, 43, 54));
    expect(parsed?.notAfterMs).toBe(Date.UTC(2126, 9, 29, 19, 43, 54));
  });

  test("verifies what openssl signed with it, and nothing else", async () => {
    const key = await importRsaKey(Uint8Array.fromBase64(OPENSSL_SPKI), "SHA-256");
    if (key === null) throw new Error("no key");
    const signature = Uint8Array.fromBase64(OPENSSL_SIGNATURE_OF_HELLO);
    expect(await verifyRsa(key, utf8("hello"), signature)).toBe(true);
    expect(await verifyRsa(key, utf8("hellp"), signature)).toBe(false);
    for (const other of [signature.slice(1), new Uint8Array(0), concat(signature, new Uint8Array(1))]) {
      expect(await verifyRsa(key, utf8("hello"), other)).toBe(false);
    }
  });

  test("is the first one's where a chain is given", () => {
    expect(parseCertificate(`\n${OPENSSL}${fresh.certificate}`)?.spki.toBase64()).toBe(
      parseCertificate(OPENSSL)?.spki.toBase64(),
    );
  });

  test("is the same without a version, and two-digit years turn at 50 (RFC 5280 §4.1.2.5.1)", () => {
    expect(parseCertificate(certificateOf(fresh.spki, { from: "491231235959Z" }))?.notBeforeMs).toBe(
      Date.UTC(2049, 11, 31, 23, 59, 59),
    );
    expect(parseCertificate(certificateOf(fresh.spki, { from: "500101000000Z" }))?.notBeforeMs).toBe(
      Date.UTC(1950, 0, 1),
    );
  });
});

describe("no certificate at all is", () => {
  const whole = bytesOf(OPENSSL);

  test("one cut off at any byte, or with bytes behind it", () => {
    for (let length = 0; length < whole.length; length += length < 400 ? 1 : 37) {
      expect(parseCertificate(pem(whole.subarray(0, length)))).toBeNull();
    }
    expect(parseCertificate(pem(concat(whole, new Uint8Array(1))))).toBeNull();
  });

  test.each([
    ["nothing", ""],
    ["another kind of PEM", OPENSSL.replaceAll("CERTIFICATE", "PUBLIC KEY")],
    ["HTML", "<html>503</html>"],
    ["not Base64", OPENSSL.replace("MIID", "MI*D")],
    ["a text before it", `see below\n${OPENSSL}`],
    ["longer than any is", `${" ".repeat(17_000)}${OPENSSL}`],
    ["another element", pem(der(0x31, whole.subarray(4)))],
    ["an endless length", pem(concat(new Uint8Array([0x30, 0x80]), whole.subarray(4), new Uint8Array(2)))],
    [
      "a length that is not in its shortest form",
      pem(concat(new Uint8Array([0x30, 0x82, 0, 2, 0x30, 0]), new Uint8Array(0))),
    ],
    ["a time without seconds", certificateOf(fresh.spki, { from: "2501010000Z" })],
    ["a time with a zone", certificateOf(fresh.spki, { until: "20991231235959+0100" })],
  ])("%s", (_, text) => {
    expect(parseCertificate(text)).toBeNull();
  });

  test("one with a bit turned over is null or has another key or other times, and never throws", () => {
    for (let index = 0; index < whole.length; index += 3) {
      const turned = whole.slice();
      turned[index] = (turned[index] ?? 0) ^ 0x40;
      expect(() => parseCertificate(pem(turned))).not.toThrow();
    }
  });
});

describe("an RSA key is refused", () => {
  test("below 2048 bits", async () => {
    const short = await certifiedKey("SHA-256", 1024);
    expect(await importRsaKey(short.spki, "SHA-256")).toBeNull();
    expect(await importRsaKey(fresh.spki, "SHA-256")).not.toBeNull();
  });

  test("when it is an elliptic curve's, or none", async () => {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
    if (!("publicKey" in pair)) throw new Error("not a pair");
    const spki = await crypto.subtle.exportKey("spki", pair.publicKey);
    if (!(spki instanceof ArrayBuffer)) throw new Error("not DER");
    expect(await importRsaKey(new Uint8Array(spki), "SHA-256")).toBeNull();
    expect(await importRsaKey(new Uint8Array(7), "SHA-1")).toBeNull();
  });
});
