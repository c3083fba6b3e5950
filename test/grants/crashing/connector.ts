import { oauthDriver } from "../../../src/catalog/oauth/driver.ts";
import { randomBytes } from "../../../src/crypto/random.ts";
import { unwrap } from "../../../src/errors.ts";
import type { Database } from "../../../src/store/database.ts";
import { seedConnector } from "../../connectors/rows.ts";
import type { Rotation } from "./names.ts";

export const URL_POLICY = { ownHosts: [], allowLoopback: false };

/** A connector whose users authorize at a provider of that kind. */
export async function seedProvider(rotation: Rotation) {
  const data = {
    clientId: "client",
    clientSecret: "the-client-secret",
    serverConfig: {
      issuer: "https://as.example.com",
      authorization_endpoint: "https://as.example.com/authorize",
      token_endpoint: "https://as.example.com/token",
    },
    userAuthorization: { enabled: true, scopes: ["read"] },
    refreshTokens: { enabled: true },
    grantPolicy: { rotation },
  };
  const context = { connectorId: "scl_test", draft: false, jwksUri: "https://connect.example.com/jwks.json" };
  const fetch = () => Promise.reject(new Error("nothing is to be discovered"));
  const saving = { fetch, now: Date.now, randomBytes, urlPolicy: URL_POLICY };
  const saved = unwrap(await oauthDriver.create(data, context, saving));
  return seedConnector({ config: saved.config }, saved.secrets);
}

/** A database that gives the first answer to each statement again: the object's rows in it never change here. */
export function replaying(real: Database): Database {
  const answers = new Map<string, unknown>();
  const replay = async <T>(key: string, ask: () => Promise<T>): Promise<T> => {
    if (!answers.has(key)) answers.set(key, await ask());
    return answers.get(key) as T;
  };
  return {
    first: (statement) => replay(statement.sql, () => real.first(statement)),
    all: (statement) => replay(statement.sql, () => real.all(statement)),
    run: (statement) => replay(statement.sql, () => real.run(statement)),
    batch: (statements) => replay(statements.map(({ sql }) => sql).join(";"), () => real.batch(statements)),
  };
}
