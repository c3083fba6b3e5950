import * as z from "zod/mini";
import type { GrantPolicy, TokenGroup } from "../catalog/driver.ts";
import type { ErrorCode } from "../errors.ts";
import type { GrantDatabase } from "./grant-database.ts";
import type { NoticeFacts, SealedToken } from "./pending-revocations.ts";
import type { AuthorizationState, UpstreamRevocation } from "./protocol.ts";
import type { RefreshProgress } from "./refresh-decisions.ts";

/** What the one user of this grant authorized last, and how far its refresh token has come. */
export interface Authorization extends RefreshProgress {
  authorizationId: string;
  ordinal: number;
  /** Through which it was asked for; its revocation ends it. */
  linkId: string;
  revokedBeforeMs: number;
  authorizedAtMs: number;
  /** Who issued it. */
  provider: string;
  /** Whom the connector named when its configuration had this revision. */
  configuredProvider: string;
  configRevision: number;
  /** Null = a pasted key: nobody refreshes it. */
  policy: GrantPolicy | null;
  /** What the user was sent to authorize. */
  asked: TokenGroup;
  granted: Pick<TokenGroup, "scopes" | "resources" | "authorizationDetails">;
  /** Of the provider's id of the user, as the index has it; null = unknown. */
  subjectHash: string | null;
  /** Of the refresh token; null = there is none. */
  fingerprint: string | null;
  /** The token group that was refreshed last. */
  lastGroup: string | null;
  /** The revocation that stands for all of it at the provider. */
  notice: ({ tokenId: string } & UpstreamRevocation) | null;
  /** Whether the index of grants says what stands here. */
  indexed: boolean;
}

/** Sealed, and opened only where it is used. */
export type AuthorizationSecret = Pick<SealedToken, "tokenId" | "sealed" | "generation">;
export type SecretKind = "refresh_token" | "profile";

const strings = z.array(z.string());
const details = z.array(z.looseObject({ type: z.string() }));
const grantedShape = z.object({ scopes: strings, resources: strings, authorizationDetails: details });
const askedShape = z.extend(grantedShape, { audience: strings });
const policyShape = z.object({
  rotation: z.enum(["stable", "grace", "strict"]),
  oldAccessTokenDies: z.boolean(),
  revocationScope: z.enum(["token", "grant"]),
  codeLifetimeMs: z.number(),
});

type Row = {
  authorization_id: string;
  ordinal: number;
  link_id: string;
  revoked_before_ms: number;
  authorized_at_ms: number;
  provider: string;
  configured_provider: string;
  config_revision: number;
  policy: string | null;
  asked: string;
  granted: string;
  subject_hash: string | null;
  fingerprint: string | null;
  state: AuthorizationState;
  refusals: number;
  first_refused_at_ms: number | null;
  unknown_attempts: number;
  failures: number;
  last_attempt_at_ms: number | null;
  last_outcome: ErrorCode | "ok" | null;
  last_group: string | null;
  next_attempt_at_ms: number | null;
  notice_token_id: string | null;
  notice_outcome: UpstreamRevocation["outcome"] | null;
  notice_at_ms: number | null;
  indexed: number;
};

/** The one authorization of a Grant. Its row stays when it ends, so that an older one cannot come back. */
export class AuthorizationStore {
  readonly #db: GrantDatabase;
  /** What the table holds; every question needs it. */
  #known: Authorization | null | undefined;

  constructor(db: GrantDatabase) {
    this.#db = db;
  }

  read(): Authorization | null {
    if (this.#known === undefined) {
      const [row] = this.#db.rows<Row>("SELECT * FROM authorization");
      this.#known = row === undefined ? null : authorizationOfRow(row);
    }
    return this.#known;
  }

  /** Written as a whole: one row, a few times an hour. */
  write(authorization: Authorization): void {
    const { notice } = authorization;
    this.#known = undefined;
    this.#db.run(
      `INSERT OR REPLACE INTO authorization (id, authorization_id, ordinal, link_id, revoked_before_ms,
         authorized_at_ms, provider, configured_provider, config_revision, policy, asked, granted, subject_hash,
         fingerprint, state, refusals, first_refused_at_ms, unknown_attempts, failures, last_attempt_at_ms,
         last_outcome, last_group, next_attempt_at_ms, notice_token_id, notice_outcome, notice_at_ms, indexed)
       VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      authorization.authorizationId,
      authorization.ordinal,
      authorization.linkId,
      authorization.revokedBeforeMs,
      authorization.authorizedAtMs,
      authorization.provider,
      authorization.configuredProvider,
      authorization.configRevision,
      authorization.policy === null ? null : JSON.stringify(authorization.policy),
      JSON.stringify(authorization.asked),
      JSON.stringify(authorization.granted),
      authorization.subjectHash,
      authorization.fingerprint,
      authorization.state,
      authorization.refusals,
      authorization.firstRefusedAtMs,
      authorization.unknownAttempts,
      authorization.failures,
      authorization.lastAttemptAtMs,
      authorization.lastOutcome,
      authorization.lastGroup,
      authorization.nextAttemptAtMs,
      notice?.tokenId ?? null,
      notice?.outcome ?? null,
      notice?.atMs ?? null,
      authorization.indexed ? 1 : 0,
    );
  }

  secret(kind: SecretKind): AuthorizationSecret | null {
    type SecretRow = { token_id: string; token_sealed: string; generation: number };
    const [row] = this.#db.rows<SecretRow>(
      "SELECT token_id, token_sealed, generation FROM authorization_secrets WHERE kind = ?",
      kind,
    );
    return row === undefined ? null : { tokenId: row.token_id, sealed: row.token_sealed, generation: row.generation };
  }

  /** Null = there is none any more. */
  setSecret(kind: SecretKind, secret: AuthorizationSecret | null): void {
    if (secret === null) this.#db.run("DELETE FROM authorization_secrets WHERE kind = ?", kind);
    else {
      this.#db.run(
        "INSERT OR REPLACE INTO authorization_secrets (kind, token_id, token_sealed, generation) VALUES (?, ?, ?, ?)",
        kind,
        secret.tokenId,
        secret.sealed,
        secret.generation,
      );
    }
  }
}

/** What has to be known of a token of this authorization before its provider is told of it. */
export function noticeFacts(
  { policy, subjectHash }: Pick<Authorization, "policy" | "subjectHash">,
  hint: NoticeFacts["hint"],
): NoticeFacts {
  return { hint, revocationScope: policy?.revocationScope ?? null, subjectHash };
}

function authorizationOfRow(row: Row): Authorization {
  const { notice_token_id: noticeTokenId, notice_outcome: noticeOutcome } = row;
  return {
    authorizationId: row.authorization_id,
    ordinal: row.ordinal,
    linkId: row.link_id,
    revokedBeforeMs: row.revoked_before_ms,
    authorizedAtMs: row.authorized_at_ms,
    provider: row.provider,
    configuredProvider: row.configured_provider,
    configRevision: row.config_revision,
    policy: row.policy === null ? null : policyShape.parse(JSON.parse(row.policy)),
    asked: askedShape.parse(JSON.parse(row.asked)),
    granted: grantedShape.parse(JSON.parse(row.granted)),
    subjectHash: row.subject_hash,
    fingerprint: row.fingerprint,
    state: row.state,
    refusals: row.refusals,
    firstRefusedAtMs: row.first_refused_at_ms,
    unknownAttempts: row.unknown_attempts,
    failures: row.failures,
    lastAttemptAtMs: row.last_attempt_at_ms,
    lastOutcome: row.last_outcome,
    lastGroup: row.last_group,
    nextAttemptAtMs: row.next_attempt_at_ms,
    notice:
      noticeTokenId === null || noticeOutcome === null
        ? null
        : { tokenId: noticeTokenId, outcome: noticeOutcome, atMs: row.notice_at_ms },
    indexed: row.indexed === 1,
  };
}
