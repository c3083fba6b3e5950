import { importRsaPrivateKey } from "../../crypto/rsa-private-key.ts";
import { Secret } from "../../crypto/secret.ts";
import { signJwt } from "../../crypto/signing-key.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Opened, SignedAssertion } from "../driver.ts";
import type { GitHubConfig } from "./config.ts";

/** Ours may be that far ahead of GitHub's clock. */
const BACKDATED_S = 60;
const LIFETIME_S = 600;
const REUSE_MS = 7 * 60_000;

/**
 * The app's JWT (RS256), good for ten minutes from a minute ago by `nowMs`, to be used for seven. Fails with `no_token`
 * where there is no key. https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
 */
export async function signAppJwt(
  { config, secrets }: Pick<Opened<GitHubConfig>, "config" | "secrets">,
  nowMs: number,
): Promise<Result<SignedAssertion>> {
  const key = secrets.privateKeyPem === undefined ? null : await importRsaPrivateKey(secrets.privateKeyPem);
  if (key === null || config.clientId === null) {
    return fail("no_token", { message: "The app has no private key here. Set data.privateKeyPem." });
  }
  const iat = Math.floor(nowMs / 1000) - BACKDATED_S;
  const claims = { iss: config.clientId, iat, exp: iat + LIFETIME_S };
  const assertion = Secret.of(await signJwt(key, { alg: "RS256", typ: "JWT" }, claims));
  return ok({ assertion, reuseUntilMs: nowMs + REUSE_MS });
}
