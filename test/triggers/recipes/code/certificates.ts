import { concat } from "../../../../src/crypto/bytes.ts";

/** An element of DER (X.690 §10.1). */
export function der(tag: number, ...content: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = concat(...content);
  const { length } = body;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concat(new Uint8Array([tag, ...head]), body);
}

const text = (tag: number, value: string) => der(tag, new TextEncoder().encode(value));
const OID_SHA256_WITH_RSA = der(0x06, new Uint8Array([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]));
const OID_COMMON_NAME = der(0x06, new Uint8Array([0x55, 0x04, 0x03]));

/** A certificate that nobody has signed; as much of one as a reader of keys looks at. */
export function certificateOf(
  spki: Uint8Array,
  { from = "250101000000Z", until = "20991231235959Z" }: { from?: string; until?: string } = {},
): string {
  const algorithm = der(0x30, OID_SHA256_WITH_RSA, der(0x05));
  const name = der(0x30, der(0x31, der(0x30, OID_COMMON_NAME, text(0x0c, "sns.amazonaws.com"))));
  const time = (value: string) => text(value.length === 13 ? 0x17 : 0x18, value);
  const version = der(0xa0, der(0x02, new Uint8Array([2])));
  const fields = [version, der(0x02, new Uint8Array([1])), algorithm, name, der(0x30, time(from), time(until)), name];
  const tbs = der(0x30, ...fields, spki);
  return pem(der(0x30, tbs, algorithm, der(0x03, new Uint8Array(257))));
}

export function pem(bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

/** A fresh RSA key that signs with this hash, and its certificate. */
export async function certifiedKey(hash: "SHA-1" | "SHA-256" = "SHA-256", modulusLength = 2048) {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash, modulusLength, publicExponent: new Uint8Array([1, 0, 1]) };
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("not a pair");
  const exported = await crypto.subtle.exportKey("spki", pair.publicKey);
  if (!(exported instanceof ArrayBuffer)) throw new Error("not DER");
  const spki = new Uint8Array(exported);
  return {
    spki,
    certificate: certificateOf(spki),
    sign: async (data: string) =>
      new Uint8Array(
        await crypto.subtle.sign("RSASSA-PKCS1-v1_5", pair.privateKey, new TextEncoder().encode(data)),
      ).toBase64(),
  };
}
