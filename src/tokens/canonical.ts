import { lengthPrefixed } from "../crypto/bytes.ts";
import { oncePerObject } from "../store/once-per-object.ts";
import type { TokenRequest } from "./token-request.ts";

const MAX_DEPTH = 8;
/** 500 repositories of the longest names fit in. */
const MAX_JSON_LENGTH = 128 * 1024;
/** Control, format (zero-width, bidirectional) and line separators: what makes two different ids look alike. */
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** Whether a caller's text may be used as an identifier: NFC, well formed, nothing invisible. */
export function isOpaqueText(text: string): boolean {
  return text.isWellFormed() && text.normalize("NFC") === text && !FORBIDDEN.test(text);
}

/** Sorted by UTF-16 code units, without duplicates: any total order will do, as long as it is always the same. */
export function canonicalSet(values: string[]): string[] {
  return values.length < 2 ? values : [...new Set(values)].sort();
}

/**
 * RFC 8785 canonical JSON; null for what it cannot say unambiguously (non-finite or unsafe numbers,
 * ill-formed strings, too deep, too long).
 */
export function canonicalJson(value: unknown): string | null {
  const written = write(value, 0);
  return written !== null && written.length <= MAX_JSON_LENGTH ? written : null;
}

function write(value: unknown, depth: number): string | null {
  if (depth > MAX_DEPTH) return null;
  if (value === null || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "string") return value.isWellFormed() ? JSON.stringify(value) : null;
  if (typeof value === "number") {
    // 64-bit integers beyond 2^53 have already lost digits in parsing: two ids would become one.
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) return null;
    return JSON.stringify(value);
  }
  if (Array.isArray(value))
    return writeAll(
      value.map((item) => write(item, depth + 1)),
      "[",
      "]",
    );
  if (typeof value !== "object") return null;
  const members = Object.entries(value)
    // RFC 8785 §3.2.3 sorts by UTF-16 code units, which is what `<` on strings compares.
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, member]) => {
      const written = write(member, depth + 1);
      return written === null || !name.isWellFormed() ? null : `${JSON.stringify(name)}:${written}`;
    });
  return writeAll(members, "{", "}");
}

function writeAll(parts: (string | null)[], open: string, close: string): string | null {
  return parts.includes(null) ? null : `${open}${parts.join(",")}${close}`;
}

/**
 * The part of a request that decides which token answers it: equal for equal requests in any order. The validity
 * buffer and a rejected token are about freshness, not identity, and stay out. `names` say of what else the text is.
 */
export function canonicalText(names: string[], request: TokenRequest): string {
  return JSON.stringify([...names, canonicalParts(request)]) + canonicalDetails(request.authorizationDetails).json;
}

/** All but the authorization details, which are long and remembered with the body. */
function canonicalParts(request: TokenRequest): (string | string[])[] {
  return [
    ...subjectParts(request),
    ...optional(request.installationId),
    request.scopes,
    request.resources,
    request.audience,
  ];
}

const canonicalDetails = oncePerObject((details: TokenRequest["authorizationDetails"]) => {
  const texts = details.map((detail) => canonicalJson(detail) ?? "");
  return { texts, json: JSON.stringify(texts) };
});

/** The same as unambiguous bytes: different for different requests, whatever separators they contain. */
export function canonicalRequest(request: TokenRequest): Uint8Array<ArrayBuffer> {
  const parts = [...canonicalParts(request), canonicalDetails(request.authorizationDetails).texts];
  return lengthPrefixed(...parts.map((part) => (typeof part === "string" ? part : lengthPrefixed(...part))));
}

function subjectParts({ subject }: TokenRequest): string[] {
  if (subject === null) return ["default"];
  switch (subject.type) {
    case "app":
      return ["app"];
    case "user":
      return ["user", ...optional(subject.issuer), subject.id];
    case "other":
      return ["other", subject.name];
  }
}

/** An absent value and any present one, empty included, never encode alike. */
function optional(value: string | null): [marker: string, value: string] {
  return value === null ? ["absent", ""] : ["present", value];
}
