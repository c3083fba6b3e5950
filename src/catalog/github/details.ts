import * as z from "zod/mini";
import { fail, ok, type Result } from "../../errors.ts";
import type { AuthorizationDetail } from "../driver.ts";
import { mergedPermissions, type Permissions, parsePermission, permissionTexts } from "./permissions.ts";

export const DETAIL_TYPE = "github_app_installation";
/** https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app */
const MAX_REPOSITORIES = 500;
const MAX_DETAILS = 20;

const ACCOUNT = "[A-Za-z0-9][A-Za-z0-9_-]{0,99}";
/** Of a user or an organization, or the slug of an enterprise. */
export const LOGIN = new RegExp(`^${ACCOUNT}$`);
const REPOSITORY = new RegExp(`^(?:(${ACCOUNT})/)?(?!\\.{1,2}$)([A-Za-z0-9._-]{1,100})$`);

/** What a token is narrowed to; what is absent is all that the installation has. */
export interface Narrowing {
  /** Login, lower case, or id of the account that it must be of. */
  owner?: string;
  permissions?: Permissions;
  /** Names without their owner, lower case, sorted and unique. */
  repositories?: string[];
  /** `owner` is what the repositories' names say, and `org` was not given. */
  isOwnerOfRepositories?: boolean;
}

const texts = z.union([z.string(), z.array(z.string()).check(z.minLength(1))]);
const detail = z.strictObject({
  type: z.literal(DETAIL_TYPE),
  org: z.optional(z.string().check(z.regex(LOGIN))),
  permissions: z.optional(texts),
  repositories: z.optional(texts),
});

/**
 * What authorization details say, of which a token has one at most; equal ones are one. `invalid_target` for anything
 * else than `github_app_installation` with `org?`, `permissions?` and `repositories?` of one owner.
 */
export function readDetails(details: AuthorizationDetail[]): Result<Narrowing> {
  if (details.length > MAX_DETAILS) return invalid("Ask for one authorization detail.");
  const narrowings = new Map<string, Narrowing>();
  for (const one of details) {
    const narrowing = readDetail(one);
    if (!narrowing.ok) return narrowing;
    narrowings.set(JSON.stringify(writeDetails(narrowing.value)), narrowing.value);
  }
  const [first = {}, second] = narrowings.values();
  if (second === undefined) return ok(first);
  return invalid("One token cannot be narrowed in two ways. Ask for one authorization detail.");
}

function readDetail(given: AuthorizationDetail): Result<Narrowing> {
  const parsed = detail.safeParse(given);
  if (!parsed.success) {
    return invalid(
      `Authorization details are {"type":"${DETAIL_TYPE}"} with org, permissions such as "contents:read", and repositories; lists are not empty.`,
    );
  }
  const { org, permissions, repositories } = parsed.data;
  const pairs = permissions === undefined ? ok(undefined) : readPermissions(listOf(permissions));
  if (!pairs.ok) return pairs;
  const named = repositories === undefined ? ok({}) : readRepositories(listOf(repositories), org?.toLowerCase());
  if (!named.ok) return named;
  return ok({
    ...(org !== undefined && { owner: org.toLowerCase() }),
    ...(pairs.value !== undefined && { permissions: pairs.value }),
    ...named.value,
  });
}

function readPermissions(given: string[]): Result<Permissions> {
  const pairs: [string, string][] = [];
  for (const text of given) {
    const pair = parsePermission(text);
    if (pair === null) {
      const shown = /^[\w:-]{1,80}$/.test(text) ? ` "${text}"` : "";
      return invalid(`GitHub has no permission${shown}. Write a name that it documents, and read, write or admin.`);
    }
    pairs.push(pair);
  }
  return ok(mergedPermissions(pairs));
}

function readRepositories(given: string[], org: string | undefined): Result<Narrowing> {
  const parts = given.map((text) => REPOSITORY.exec(text.toLowerCase()));
  const names = parts.map((match) => match?.[2]).filter((name) => name !== undefined);
  if (names.length < given.length) return invalid('Repositories are written "owner/name" or "name".');
  const owners = new Set(parts.flatMap((match) => match?.[1] ?? []));
  const [owner] = owners;
  if (owners.size > 1 || (org !== undefined && owner !== undefined && owner !== org)) {
    return invalid("A token is of one installation: name repositories of one owner.");
  }
  const repositories = [...new Set(names)].sort();
  if (repositories.length > MAX_REPOSITORIES) return invalid(`Name at most ${MAX_REPOSITORIES} repositories.`);
  return ok({ repositories, ...(org === undefined && owner !== undefined && { owner, isOwnerOfRepositories: true }) });
}

/** The canonical details of a narrowing: equal ones are equal text. */
export function writeDetails({
  owner,
  permissions,
  repositories,
  isOwnerOfRepositories,
}: Narrowing): AuthorizationDetail[] {
  const prefix = isOwnerOfRepositories === true && owner !== undefined ? `${owner}/` : "";
  const written = {
    type: DETAIL_TYPE,
    ...(owner !== undefined && prefix === "" && { org: owner }),
    ...(permissions !== undefined && { permissions: permissionTexts(permissions) }),
    ...(repositories !== undefined && { repositories: repositories.map((name) => prefix + name) }),
  };
  return Object.keys(written).length === 1 ? [] : [written];
}

function listOf(given: string | string[]): string[] {
  return typeof given === "string" ? [given] : given;
}

function invalid(message: string): Result<never> {
  return fail("invalid_target", { message });
}
