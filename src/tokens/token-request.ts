import * as z from "zod/mini";
import type { AuthorizationDetail } from "../catalog/driver.ts";
import { fail, ok, type Result } from "../errors.ts";
import { oncePerObject } from "../store/once-per-object.ts";
import { canonicalJson, canonicalSet, isOpaqueText } from "./canonical.ts";

/** Whom the caller asks a token for. Types that no connector here supports stay representable, to be refused by name. */
export type RequestedSubject =
  | { type: "app" }
  | { type: "user"; id: string; issuer: string | null }
  | { type: "other"; name: string };

/** A token request after parsing: sets are sorted and unique, `["*"]` and absence are the same empty set. */
export interface TokenRequest {
  subject: RequestedSubject | null;
  installationId: string | null;
  scopes: string[];
  resources: string[];
  audience: string[];
  authorizationDetails: AuthorizationDetail[];
  validityBufferMs: number;
  rejectedTokenId: string | null;
}

const DEFAULT_VALIDITY_BUFFER_MS = 30_000;
const LONGEST_VALIDITY_BUFFER_MS = 24 * 60 * 60_000;

const text = (maxLength: number) =>
  z.string().check(
    z.minLength(1),
    z.maxLength(maxLength),
    z.refine(isOpaqueText, {
      message: "must be in Unicode normal form C, without control, bidirectional or unpaired surrogate characters",
    }),
  );
const set = (maxLength: number) => z.array(text(maxLength)).check(z.maxLength(100));

/** The runtime body of `POST /v1/connect/token/{connector}`. Unknown top-level keys are ignored, as clients expect. */
export const tokenRequestBody = z.object({
  subject: z.optional(z.looseObject({ type: text(64), id: z.optional(text(512)), issuer: z.optional(text(2048)) })),
  installationId: z.optional(text(256)),
  scopes: z.optional(set(256)),
  resources: z.optional(set(2048)),
  audience: z.optional(set(2048)),
  authorizationDetails: z.optional(z.array(z.looseObject({ type: text(256) })).check(z.maxLength(20))),
  validityBufferMs: z.optional(z.int().check(z.gte(0), z.lte(LONGEST_VALIDITY_BUFFER_MS))),
  rejectedTokenId: z.optional(text(64)),
});

export type TokenRequestBody = z.infer<typeof tokenRequestBody>;

/** Body to request. Failures: 400 `bad_request` (a user without id), `invalid_scope` (`*` among others), `invalid_target`. */
export const parseTokenRequest = oncePerObject((body: TokenRequestBody): Result<TokenRequest> => {
  const scopes = canonicalSet(body.scopes ?? []);
  if (scopes.includes("*") && scopes.length > 1) {
    return fail("invalid_scope", {
      message: '"*" stands for the connector\'s default scopes and cannot be mixed with others.',
    });
  }
  const subject = parseSubject(body.subject);
  if (!subject.ok) return subject;
  const details: { key: string; detail: AuthorizationDetail }[] = [];
  for (const detail of body.authorizationDetails ?? []) {
    const key = canonicalJson(detail);
    if (key === null) {
      return fail("invalid_target", {
        message: "authorizationDetails must be plain JSON, at most 8 levels and 128 KiB each.",
      });
    }
    details.push({ key, detail });
  }
  details.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return ok({
    subject: subject.value,
    installationId: body.installationId ?? null,
    scopes: scopes.includes("*") ? [] : scopes,
    resources: canonicalSet(body.resources ?? []),
    audience: canonicalSet(body.audience ?? []),
    authorizationDetails: details
      .filter(({ key }, index) => key !== details[index - 1]?.key)
      .map(({ detail }) => detail),
    validityBufferMs: body.validityBufferMs ?? DEFAULT_VALIDITY_BUFFER_MS,
    rejectedTokenId: body.rejectedTokenId ?? null,
  });
});

export function parseSubject(subject: TokenRequestBody["subject"]): Result<RequestedSubject | null> {
  if (subject === undefined) return ok(null);
  switch (subject.type) {
    case "app":
      return ok({ type: "app" });
    case "user":
      if (subject.id === undefined) return fail("bad_request", { message: "subject.id is required for a user." });
      return ok({ type: "user", id: subject.id, issuer: subject.issuer ?? null });
    default:
      return ok({ type: "other", name: subject.type });
  }
}
