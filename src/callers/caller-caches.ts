import type { JSONWebKeySet } from "jose";
import { LruMap } from "../store/lru.ts";
import type { Loading } from "../store/one-loader.ts";
import type { AccessTokenRow } from "./access-token.ts";
import type { WorkloadCaller } from "./caller.ts";
import type { IdentityRule, IssuerRecord } from "./issuer-record.ts";

/** Something read from the authority, and for how long one may act on it. */
export interface LeasedEntry<T> {
  value: T;
  /** The clock before the authoritative read. */
  leaseFromMs: number;
  /** Absolute; nothing is decided from it at or after this time. */
  leaseUntilMs: number;
  /** From here on, the next request renews it in the background. */
  renewAtMs: number;
}

/** An issuer with its rules, or null where they are too many to be kept together. */
export interface IssuerAndRules {
  record: IssuerRecord;
  rules: IdentityRule[] | null;
}

/** What one isolate knows of one issuer's keys, and of its attempts to learn more. */
export interface JwksState {
  jwks: JSONWebKeySet;
  /** When the fetch that brought `jwks` was started. */
  fetchedAtMs: number;
  /** No fetch is started before this time, whether the last one failed or not. */
  nextFetchAtMs: number;
  /** The number of the last fetch that was started. */
  sequence: number;
  /** The number of the fetch under way, and when it counts as lost; null when there is none. */
  underWay: { sequence: number; untilMs: number } | null;
  /** Key ids that a fresh set did not have, and until when to believe that. */
  unknownKids: LruMap<string, number>;
}

/** One isolate's memory of callers. Values only: a promise is never kept here, since none may cross requests. */
export interface CallerCaches {
  /** By the token's exact text, until its entry is due to be verified anew. */
  verifiedTokens: LruMap<string, { caller: WorkloadCaller; untilMs: number }>;
  /** By exact `iss`. */
  issuers: LruMap<string, LeasedEntry<IssuerAndRules>>;
  /** By issuer id and selector value, for issuers with many rules. */
  rules: LruMap<string, LeasedEntry<IdentityRule[]>>;
  /** Project ids, by slug. */
  projects: LruMap<string, LeasedEntry<string>>;
  /** By id. */
  accessTokens: LruMap<string, LeasedEntry<AccessTokenRow>>;
  /** By issuer id. */
  jwks: LruMap<string, JwksState>;
  /** What some request is reading from the stores right now. */
  loading: Loading;
}

/** Tokens of usual length, as many as entries. */
const MAX_TOKEN_CHARACTERS = 8 * 1024 * 1024;

export function createCallerCaches(maxEntries = 10_000): CallerCaches {
  return {
    verifiedTokens: new LruMap(maxEntries, { max: MAX_TOKEN_CHARACTERS, of: (token) => token.length }),
    issuers: new LruMap(Math.min(maxEntries, 1000)),
    rules: new LruMap(maxEntries),
    projects: new LruMap(Math.min(maxEntries, 1000)),
    accessTokens: new LruMap(maxEntries),
    jwks: new LruMap(Math.min(maxEntries, 1000)),
    loading: new Map(),
  };
}
