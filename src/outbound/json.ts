import { fail, ok, type Result } from "../errors.ts";
import type { OutboundResponse } from "./guarded-fetch.ts";

export const MAX_JSON_DEPTH = 16;

/**
 * The body as JSON, or `upstream_invalid_response`: the content type must be JSON (RFC 8259, or a `+json` suffix,
 * RFC 6839 §3.1) or `alsoType`, the bytes UTF-8, and nesting at most 16 deep.
 */
export function parseJson(response: Pick<OutboundResponse, "headers" | "body">, alsoType?: string): Result<unknown> {
  const type = mediaType(response.headers.get("content-type"));
  if (!isJsonType(type) && type !== alsoType) return invalid("content type is not JSON");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(response.body));
  } catch {
    return invalid("body is not JSON in UTF-8");
  }
  return isDeeper(value, MAX_JSON_DEPTH) ? invalid(`nested deeper than ${MAX_JSON_DEPTH}`) : ok(value);
}

function mediaType(contentType: string | null): string {
  return contentType?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function isJsonType(type: string): boolean {
  return type === "application/json" || /^application\/[a-z0-9.+-]+\+json$/.test(type);
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1));
}

function invalid(reason: string): Result<unknown> {
  return fail("upstream_invalid_response", { reason });
}
