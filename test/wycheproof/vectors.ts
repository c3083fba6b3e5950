import { inject } from "vitest";
import * as z from "zod";
import type { VectorFile } from "./files.ts";

type Bytes = Uint8Array<ArrayBuffer>;

interface Vector {
  id: number;
  result: "valid" | "invalid";
}

export interface AesGcm extends Vector {
  key: Bytes;
  iv: Bytes;
  aad: Bytes;
  msg: Bytes;
  ct: Bytes;
  tag: Bytes;
}

export interface Hmac extends Vector {
  key: Bytes;
  msg: Bytes;
  /** Its first 16 bytes alone, or all 32. */
  tag: Bytes;
}

export interface Hkdf extends Vector {
  ikm: Bytes;
  salt: Bytes;
  info: Bytes;
  okm: Bytes;
  /** Bytes. */
  size: number;
}

export interface Ecdsa extends Vector {
  /** DER of an Ecdsa-Sig-Value (RFC 3279 §2.2.3). */
  sig: Bytes;
  spki: Bytes;
  msg: Bytes;
}

const bytes = z.string().transform((text) => Uint8Array.fromHex(text));
const gcmTest = z.object({ tcId: z.int(), result: z.enum(["valid", "acceptable", "invalid"]) });
const gcmBytes = z.object({ key: bytes, iv: bytes, aad: bytes, msg: bytes, ct: bytes, tag: bytes });
const gcmFile = z.object({
  numberOfTests: z.int(),
  testGroups: z.array(z.object({ tests: z.array(gcmTest.and(gcmBytes)) })),
});

/** "Acceptable" are legal ones that one had better not make (short IVs): a primitive may do either, and this one does. */
export function aesGcmVectors(): AesGcm[] {
  const { numberOfTests, testGroups } = gcmFile.parse(JSON.parse(textOf("aes_gcm_test.json")));
  const vectors = testGroups.flatMap(({ tests }) => tests);
  if (vectors.length !== numberOfTests) throw new Error(`${vectors.length} tests, not ${numberOfTests}`);
  return vectors.map(({ tcId: id, result, ...rest }) => ({
    id,
    result: result === "invalid" ? "invalid" : "valid",
    ...rest,
  }));
}

/** `{id, "comment", "key", "msg", "tag", invalid}` */
export function hmacVectors(): Hmac[] {
  return initializersOf("hmac-sha256-vectors.h").map(([id, _comment, key, msg, tag, isInvalid]) => {
    return {
      id: Number(id),
      key: hex(key),
      msg: hex(msg),
      tag: hex(tag),
      result: isInvalid === "true" ? "invalid" : "valid",
    };
  });
}

/** `{id, "ikm", "salt", "info", "okm", size, valid}` */
export function hkdfVectors(): Hkdf[] {
  return initializersOf("hkdf-sha256-vectors.h").map(([id, ikm, salt, info, okm, size, isValid]) => {
    const parts = { ikm: hex(ikm), salt: hex(salt), info: hex(info), okm: hex(okm) };
    return { id: Number(id), ...parts, size: Number(size), result: isValid === "true" ? "valid" : "invalid" };
  });
}

/** `{SEC_OID_SHA256, id, {sig}, {spki}, {msg}, valid}`, bytes as 0x… */
export function ecdsaVectors(): Ecdsa[] {
  const initializer = /\{SEC_OID_SHA256,\s*(\d+),\s*\{([^}]*)\},\s*\{([^}]*)\},\s*\{([^}]*)\},\s*(true|false)\}/g;
  return [...textOf("p256ecdsa-sha256-vectors.h").matchAll(initializer)].map(([, id, sig, spki, msg, isValid]) => {
    const parts = { sig: octets(sig), spki: octets(spki), msg: octets(msg) };
    return { id: Number(id), ...parts, result: isValid === "true" ? "valid" : "invalid" };
  });
}

/** The members of each `{…}` that begins with a number; texts without their quotes, pieces of one joined as C does. */
function initializersOf(name: VectorFile): string[][] {
  const joined = textOf(name).replaceAll(/"\s+"/g, "");
  return [...joined.matchAll(/\{(\d+,(?:\s*(?:"[^"]*"|\w+),?)*)\}/g)].map(([, members = ""]) =>
    [...members.matchAll(/"([^"]*)"|(\w+)/g)].map(([, text, word]) => text ?? word ?? ""),
  );
}

function hex(text: string | undefined): Bytes {
  if (text === undefined) throw new Error("a vector lacks a member");
  return Uint8Array.fromHex(text);
}

function octets(text: string | undefined): Bytes {
  return Uint8Array.from((text ?? "").matchAll(/0x([0-9a-f]{2})/g), ([, digits = ""]) => Number.parseInt(digits, 16));
}

function textOf(name: VectorFile): string {
  const text = inject("wycheproof")[name];
  if (text === undefined) throw new Error(`${name} was not provided`);
  return text;
}
