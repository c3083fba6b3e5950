import * as z from "zod/mini";
import type { Driver } from "../catalog/driver.ts";
import { driverOf } from "../catalog/registry.ts";
import { jsonOf } from "../connectors/connector-row.ts";
import { driverDeps, type SaveServices } from "../connectors/driver-context.ts";
import { kidOf, type SealContext } from "../crypto/envelope.ts";
import { openRecord, sealRecord } from "../crypto/sealed-record.ts";
import type { Secret } from "../crypto/secret.ts";
import { ApiError, ok, type Result } from "../errors.ts";
import type { Services } from "../services.ts";
import { type Database, sql } from "../store/database.ts";
import type { IssuerRecord } from "./issuer-record.ts";

/** The credentials with which users sign in at a trusted issuer. */
export const loginCredentials = z.strictObject({
  clientId: z.string().check(z.minLength(1), z.maxLength(512)),
  clientSecret: z.optional(z.string().check(z.minLength(1), z.maxLength(4096))),
});
export type LoginCredentials = z.output<typeof loginCredentials>;

/** An issuer as users sign in there: a client of it, as the `oauth` driver has one. */
export interface IssuerLogin {
  issuerId: string;
  clientId: string;
  config: unknown;
  secrets: Record<string, Secret>;
}

/** How a login is stored. */
export interface StoredLogin {
  /** JSON. */
  login: string;
  secretSealed: string | null;
  secretKid: string | null;
  generation: number;
}

/**
 * Finds the issuer's endpoints now, and makes a client of it: OpenID Connect with a code, PKCE and a nonce, id_tokens
 * verified with the issuer's pinned keys. Fails as discovery does.
 */
export async function makeLogin(
  issuer: Pick<IssuerRecord, "id" | "issuer" | "jwksUri" | "jwks">,
  { clientId, clientSecret }: LoginCredentials,
  place: { teamId: string; generation: number },
  services: SaveServices,
): Promise<Result<StoredLogin>> {
  const data = {
    clientId,
    ...(clientSecret === undefined ? { tokenEndpointAuthMethod: "none" } : { clientSecret }),
    serverUrl: issuer.issuer,
    serverConfig: {
      ...(issuer.jwksUri === "" ? { jwks: issuer.jwks } : { jwks_uri: issuer.jwksUri }),
      // Who signs in is what counts, not what they agree to: no prompt is asked for.
      prompt_values_supported: [],
    },
    userAuthorization: { enabled: true, scopes: ["openid"] },
    refreshTokens: { enabled: false },
    // The nonce binds the code to the browser where the issuer does not say that it knows PKCE.
    pkceRequired: false,
  };
  const context = { connectorId: issuer.id, draft: false, jwksUri: "" };
  const saved = await oauth().create(data, context, driverDeps(services));
  if (!saved.ok) return saved;
  const { config, secrets } = saved.value;
  const { generation } = place;
  const secretSealed =
    Object.keys(secrets).length === 0
      ? null
      : await sealRecord(services, loginSecretContext(place.teamId, issuer.id, generation), secrets);
  const secretKid = secretSealed === null ? null : kidOf(secretSealed);
  return ok({ login: JSON.stringify({ clientId, config }), secretSealed, secretKid, generation });
}

const storedLogin = jsonOf(z.object({ clientId: z.string(), config: z.unknown() }));

/** What of a stored login may be shown. */
export function shownLogin(login: string | null): { clientId: string } | null {
  return login === null ? null : { clientId: storedLogin.parse(login).clientId };
}

interface LoginRow {
  id: string;
  login: string;
  secretSealed: string | null;
  generation: number;
}

/** The login of the issuer that is trusted under exactly this `iss`; null = users cannot sign in there. */
export async function findLogin(
  iss: string,
  teamId: string,
  { db, keys }: Pick<Services, "db" | "keys">,
): Promise<Result<IssuerLogin> | null> {
  const row = await db.first<LoginRow>(
    sql(
      `SELECT id, login, login_secret_sealed AS secretSealed, login_secret_generation AS generation
       FROM issuers WHERE issuer = ? AND login IS NOT NULL`,
      iss,
    ),
  );
  if (row === null) return null;
  const { clientId, config } = storedLogin.parse(row.login);
  const context = loginSecretContext(teamId, row.id, row.generation);
  const secrets = row.secretSealed === null ? ok({}) : await openRecord(keys, context, row.secretSealed);
  return secrets.ok ? ok({ issuerId: row.id, clientId, config, secrets: secrets.value }) : secrets;
}

/** Sets or removes an issuer's login; whether the issuer exists. Envelopes are numbered, so that none comes back. */
export async function setLogin(db: Database, issuerId: string, stored: StoredLogin | null): Promise<boolean> {
  const changes = await db.run(
    sql(
      `UPDATE issuers SET login = ?2, login_secret_sealed = ?3, login_secret_kid = ?4,
         login_secret_generation = coalesce(?5, login_secret_generation) WHERE id = ?1`,
      issuerId,
      stored?.login ?? null,
      stored?.secretSealed ?? null,
      stored?.secretKid ?? null,
      stored?.generation ?? null,
    ),
  );
  return changes > 0;
}

export async function loginGeneration(db: Database, issuerId: string): Promise<number> {
  const row = await db.first<{ generation: number }>(
    sql("SELECT login_secret_generation AS generation FROM issuers WHERE id = ?", issuerId),
  );
  return row?.generation ?? 0;
}

/** The driver that signs users in. */
export function oauth(): Driver {
  const driver = driverOf("oauth");
  if (driver === null) throw new ApiError("internal_error", { reason: "no oauth driver" });
  return driver;
}

/** Where the client secret lies. */
export function loginSecretContext(team: string, rowId: string, generation: number): SealContext {
  return { team, table: "issuers", column: "login_secret", rowId, generation };
}
