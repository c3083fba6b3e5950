import * as z from "zod/mini";
import type { Claims, ExternalSubject, IssuedAuthorization } from "../catalog/driver.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { mac } from "../crypto/mac.ts";
import { Secret } from "../crypto/secret.ts";
import { ApiError } from "../errors.ts";
import { newId } from "../store/ids.ts";
import type { AuthorizationSecret } from "./authorization-store.ts";
import type { GrantParts } from "./parts.ts";

/** Who the user is at the provider, and what it said of them. */
export interface Profile {
  externalSubject: ExternalSubject | null;
  claims: Claims | null;
}

/** How many numbers of writes one answer of a provider takes: they are reserved before it is asked. */
export const GENERATIONS_PER_ANSWER = 3;

const scalar = z.union([z.string(), z.number(), z.boolean(), z.array(z.string()), z.null()]);
const profileShape = z.object({
  externalSubject: z.nullable(z.object({ issuer: z.string(), subject: z.string() })),
  claims: z.nullable(z.record(z.string(), scalar)),
});

/** An answer of a provider, ready to be written. */
export interface SealedAnswer {
  access: AuthorizationSecret;
  refresh: (AuthorizationSecret & { fingerprint: string }) | null;
  profile: AuthorizationSecret | null;
}

/**
 * Seals what came home; `sameTokenId` where the access token is one that is stored already. Cryptography alone, no I/O:
 * nothing comes between the provider's answer and its commit.
 */
export async function sealAnswer(
  { vault, deps }: Pick<GrantParts, "vault" | "deps">,
  place: { teamId: string; generation: number; keys: KeyRing },
  answer: { issued: Pick<IssuedAuthorization, "accessToken" | "refreshToken">; profile: Profile | null },
  sameTokenId: string | null = null,
): Promise<SealedAnswer> {
  const { teamId, keys } = place;
  const { accessToken, refreshToken } = answer.issued;
  let generation = place.generation;
  const seal = async (tokenId: string, secret: Secret): Promise<AuthorizationSecret> => {
    const own = generation++;
    return { tokenId, generation: own, sealed: await vault.seal({ teamId, tokenId, generation: own }, secret) };
  };
  const access = await seal(sameTokenId ?? newId("stk", deps.randomBytes), accessToken);
  const profile =
    answer.profile === null
      ? null
      : await seal(newId("pfl", deps.randomBytes), Secret.of(JSON.stringify(answer.profile)));
  if (refreshToken === null) return { access, refresh: null, profile };
  const fingerprint = await fingerprintOf(keys, refreshToken);
  const refresh = { ...(await seal(newId("rtk", deps.randomBytes), refreshToken)), fingerprint };
  return { access, refresh, profile };
}

/** Tells refresh tokens apart in journal and log without saying anything of them. */
async function fingerprintOf(keys: KeyRing, refreshToken: Secret): Promise<string> {
  const made = await mac(keys, "fingerprint", refreshToken.expose());
  if (made === null) throw new ApiError("key_missing", { reason: "primary key" });
  return made.mac;
}

export async function openProfile({ store, vault }: Pick<GrantParts, "store" | "vault">): Promise<Profile> {
  const secret = store.authorizations.secret("profile");
  const teamId = store.identity()?.teamId;
  if (secret === null || teamId === undefined) return { externalSubject: null, claims: null };
  const opened = await vault.open({ teamId, ...secret }, secret.sealed);
  return profileShape.parse(JSON.parse(opened.expose()));
}

/** Null = there is none. It does not stay in memory. */
export async function openRefreshToken({ store, vault }: Pick<GrantParts, "store" | "vault">): Promise<Secret | null> {
  const secret = store.authorizations.secret("refresh_token");
  const teamId = store.identity()?.teamId;
  if (secret === null || teamId === undefined) return null;
  const opened = await vault.open({ teamId, ...secret }, secret.sealed);
  vault.forget(secret.tokenId);
  return opened;
}
