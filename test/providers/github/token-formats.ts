import { generateKeyPairSync, type KeyObject, randomInt, sign } from "node:crypto";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** `prefix` and `length` random characters. */
export function opaque(prefix: string, length: number, alphabet = LETTERS): string {
  return prefix + Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join("");
}

export const hex = (length: number): string => opaque("", length, "0123456789abcdef");

/** The format since April 2026, `ghs_APPID_JWT`: some 520 characters, two of them dots. */
export function statelessToken(appId: number, installationId: number, nowMs: number): string {
  const iat = Math.floor(nowMs / 1000);
  const claims = { iss: String(appId), sub: String(installationId), iat, exp: iat + 3600, jti: opaque("", 22) };
  const text = `${segment({ alg: "RS256", typ: "JWT" })}.${segment(claims)}`;
  return `ghs_${appId}_${text}.${sign("RSA-SHA256", Buffer.from(text), serverKey()).toString("base64url")}`;
}

/** The format before: 40 characters. */
export const opaqueInstallationToken = (): string => opaque("ghs_", 36);

/** The one before that, of Enterprise Server until 3.1. */
export const unprefixedInstallationToken = (): string => `v1.${hex(40)}`;

function segment(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

let key: KeyObject | undefined;

function serverKey(): KeyObject {
  key ??= generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  return key;
}
