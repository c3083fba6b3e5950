import type { JSONWebKeySet } from "jose";
import * as z from "zod/mini";
import { ApiError, ok, type Result } from "../errors.ts";
import type { Database } from "../store/database.ts";
import type { AccessTokenRow } from "./access-token.ts";
import { accessTokenRowSchema } from "./access-token.ts";
import type { CallerCaches, IssuerAndRules } from "./caller-caches.ts";
import { type LeaseDeps, type Leased, type LeaseSource, lookUp } from "./caller-leases.ts";
import {
  insertUsedTokenId,
  selectAccessToken,
  selectIssuer,
  selectProjectId,
  selectRulesOfIssuer,
  selectRulesOfSelector,
  toAccessTokenRow,
  toIdentityRule,
  toIssuerRecord,
  toProjectId,
  updateJwks,
  updateSecretMac,
} from "./caller-rows.ts";
import { type IdentityRule, type IssuerRecord, identityRuleSchema, issuerRecordSchema } from "./issuer-record.ts";

/** Whom this deployment knows. Answers are leased (`CALLER_LEASE_MS`); `current` asks the database whatever is leased. */
export interface CallerDirectory {
  /** The trusted issuer of exactly this `iss`, with its rules if they are few; null when it is not trusted. */
  issuer(iss: string, options?: LookUpOptions): Promise<Result<Leased<IssuerAndRules> | null>>;
  /** The id of the project with that slug; null when there is none. */
  projectId(slug: string): Promise<Result<Leased<string> | null>>;
  /** The rules of an issuer that has too many to keep together, by the JSON of their selector value. */
  rules(issuer: IssuerRecord, selectorValue: string, options?: LookUpOptions): Promise<Result<Leased<IdentityRule[]>>>;
  accessToken(id: string, options?: LookUpOptions): Promise<Result<Leased<AccessTokenRow> | null>>;
  /** Stores the MAC of a verified access token under another master key, if the row still is what was verified. */
  moveAccessToken(row: AccessTokenRow, next: AccessTokenRow): Promise<void>;
  /** Spends a token id; false when it was spent before. Kept until `expiresAtMs`, when the token is worthless anyway. */
  useTokenId(issuerId: string, jti: string, expiresAtMs: number): Promise<Result<boolean>>;
  saveJwks(issuerId: string, jwks: JSONWebKeySet, fetchedAtMs: number): Promise<void>;
}

export interface LookUpOptions {
  current: boolean;
}

/** An issuer with at most so many rules is read with all of them, so that a cold isolate needs one KV read in all. */
export const MAX_RULES_TOGETHER = 200;
/** … unless they are large: the value is opened and parsed as a whole. */
const MAX_RULES_TOGETHER_CHARS = 64 * 1024;

const issuerAndRulesSchema: z.ZodMiniType<IssuerAndRules> = z.object({
  record: issuerRecordSchema,
  rules: z.nullable(z.array(identityRuleSchema)),
});
const rulesSchema = z.array(identityRuleSchema);

export type DirectoryDeps = Omit<LeaseDeps, "loading"> & { db: Database; callerCaches: CallerCaches };

/** The directory over memory, KV leases and the database. */
export function createCallerDirectory(deps: DirectoryDeps): CallerDirectory {
  const { db, callerCaches } = deps;
  const leaseDeps: LeaseDeps = { ...deps, loading: callerCaches.loading };

  const issuerSource = (iss: string): LeaseSource<IssuerAndRules> => ({
    memory: callerCaches.issuers,
    memoryKey: iss,
    name: ["issuer", iss],
    schema: issuerAndRulesSchema,
    read: () => readIssuer(db, iss),
  });

  return {
    issuer: (iss, options) => lookUp(issuerSource(iss), leaseDeps, options),

    projectId: (slug) =>
      lookUp(
        {
          memory: callerCaches.projects,
          memoryKey: slug,
          name: ["project", slug],
          schema: z.string(),
          read: async () => {
            const row = await db.first(selectProjectId(slug));
            return row === null ? null : toProjectId(row);
          },
        },
        leaseDeps,
      ),

    async rules(issuer, selectorValue, options) {
      const source: LeaseSource<IdentityRule[]> = {
        memory: callerCaches.rules,
        memoryKey: `${issuer.id} ${selectorValue}`,
        name: ["rules", issuer.id, selectorValue],
        schema: rulesSchema,
        read: async () => {
          const rows = await db.all(selectRulesOfSelector(issuer.id, selectorValue));
          return rows.length === 0 ? null : rows.map(toIdentityRule);
        },
      };
      const found = await lookUp(source, leaseDeps, options);
      if (!found.ok) return found;
      return ok(found.value ?? { value: [], holdUntilMs: 0, current: true });
    },

    accessToken: (id, options) =>
      lookUp(
        {
          memory: callerCaches.accessTokens,
          memoryKey: id,
          name: ["access-token", id],
          schema: accessTokenRowSchema,
          read: async () => {
            const row = await db.first(selectAccessToken(id));
            return row === null ? null : toAccessTokenRow(row);
          },
        },
        leaseDeps,
        options,
      ),

    async moveAccessToken(row, next) {
      const known = callerCaches.accessTokens.get(row.id);
      // Of a thousand requests of this token, the first writes, and the others see that here.
      if (known !== undefined && known.value.secretMac !== row.secretMac) return;
      if (known !== undefined) known.value = next;
      await db.run(updateSecretMac(row, next));
    },

    async useTokenId(issuerId, jti, expiresAtMs) {
      try {
        return ok((await db.run(insertUsedTokenId(issuerId, jti, expiresAtMs))) === 1);
      } catch (error) {
        if (error instanceof ApiError) return { ok: false, failure: error.failure };
        throw error;
      }
    },

    async saveJwks(issuerId, jwks, fetchedAtMs) {
      await db.run(updateJwks(issuerId, JSON.stringify(jwks), fetchedAtMs));
    },
  };
}

async function readIssuer(db: Database, iss: string): Promise<IssuerAndRules | null> {
  const [issuers, rules] = await db.batch<[unknown, unknown]>([
    selectIssuer(iss),
    selectRulesOfIssuer(iss, MAX_RULES_TOGETHER + 1),
  ]);
  const row = issuers?.rows[0];
  if (row === undefined) return null;
  const together = (rules?.rows ?? []).map(toIdentityRule);
  const few = together.length <= MAX_RULES_TOGETHER && JSON.stringify(together).length <= MAX_RULES_TOGETHER_CHARS;
  return { record: toIssuerRecord(row), rules: few ? together : null };
}
