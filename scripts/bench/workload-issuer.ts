import { generateKeyPairSync, randomUUID, sign } from "node:crypto";

export const ISSUER = "https://ci.example.com";
export const SUBJECT = "project:bench:environment:production";

export interface WorkloadIssuer {
  publicJwk: Record<string, unknown>;
  /** RS256 tokens (2048 bits) that differ in their `jti`, good for half an hour. */
  tokens(count: number, audience: string): string[];
}

/** An OIDC issuer that exists only as a key pair: the operator gives its key set, so nothing is fetched from it. */
export function createWorkloadIssuer(): WorkloadIssuer {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const kid = randomUUID();
  const header = encode({ alg: "RS256", typ: "JWT", kid });
  return {
    publicJwk: { ...publicKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" },
    tokens(count, audience) {
      const iat = Math.floor(Date.now() / 1000);
      return Array.from({ length: count }, () => {
        const claims = {
          iss: ISSUER,
          aud: audience,
          sub: SUBJECT,
          iat,
          nbf: iat,
          exp: iat + 1800,
          jti: randomUUID(),
          scope: SUBJECT,
          owner: "acme",
          project: "bench",
          environment: "production",
        };
        const signed = `${header}.${encode(claims)}`;
        return `${signed}.${sign("RSA-SHA256", Buffer.from(signed), privateKey).toString("base64url")}`;
      });
    },
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
