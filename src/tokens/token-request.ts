import * as z from "zod";
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
  z.string().min(1).max(maxLength).refine(isOpaqueText, {
    message: "must be in Unicode normal form C, without control, bidirectional or unpaired surrogate characters",
  });
const set = (maxLength: number) => z.array(text(maxLength)).max(100);

/** The runtime body of `POST /v1/connect/token/{connector}`. Unknown top-level keys are ignored, as clients expect. */
export const tokenRequestBody = z.object({
  subject: z.looseObject({ type: text(64), id: text(512).optional(), issuer: text(2048).optional() }).optional(),
  installationId: text(256).optional(),
  scopes: set(256).optional(),
  resources: set(2048).optional(),
  audience: set(2048).optional(),
  authorizationDetails: z
    .array(z.looseObject({ type: text(256) }))
    .max(20)
    .optional(),
  validityBufferMs: z.number().int().min(0).max(LONGEST_VALIDITY_BUFFER_MS).optional(),
  rejectedTokenId: text(64).optional(),
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
        message: "authorizationDetails must be plain JSON, at most 8 levels and 8 KiB each.",
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
