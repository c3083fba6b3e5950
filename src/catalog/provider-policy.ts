import type { GrantPolicy } from "./driver.ts";

/** What a token endpoint's error is about, as far as it is final. */
type ErrorAbout = "refresh token" | "client";

/** How a provider's OAuth differs from the book: facts about it, as data. What no data can say is its driver's code. */
export interface ProviderPolicy extends GrantPolicy {
  /** Between the scopes of a request and of an answer (RFC 6749 §3.3: a space). */
  scopeSeparator: " " | ",";
  /** How a token request's parameters are written (RFC 6749 §4.1.3: as a form). */
  tokenRequestBody: "form" | "json";
  /** How long an access token lives where the answer does not say (s). */
  accessTokenLifetimeS: number;
  /**
   * Error codes that end something. Only these do: any other answer, however often it comes, leaves a user's
   * authorization alone.
   */
  finalErrors: Readonly<Record<string, ErrorAbout>>;
  /** Where members of RFC 6749 §5.1 are in an answer (RFC 6901), if not under their names. */
  answerMembers: Readonly<Record<string, string>>;
}

/**
 * Of providers that nothing is known of: the careful reading. A refresh token is good for one use, a revocation may end
 * more than the token that it names, and a code waits no longer than a minute.
 */
export const USUAL_POLICY: ProviderPolicy = {
  rotation: "strict",
  oldAccessTokenDies: false,
  revocationScope: "grant",
  codeLifetimeMs: 60_000,
  scopeSeparator: " ",
  tokenRequestBody: "form",
  accessTokenLifetimeS: 3600,
  finalErrors: {
    // https://www.rfc-editor.org/rfc/rfc6749#section-5.2
    invalid_grant: "refresh token",
    invalid_client: "client",
    // GitHub, with status 200. https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
    bad_refresh_token: "refresh token",
    // https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
    incorrect_client_credentials: "client",
    // Slack, with status 200 and "ok": false. https://docs.slack.dev/reference/methods/oauth.v2.access
    invalid_refresh_token: "refresh token",
    token_revoked: "refresh token",
    token_expired: "refresh token",
    bad_client_secret: "client",
    // Salesforce, of a user who was deactivated. https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flow_errors.htm
    inactive_user: "refresh token",
    // Coinbase. https://docs.cdp.coinbase.com/coinbase-app/api-architecture/error-messages
    expired_token: "refresh token",
  },
  answerMembers: {},
};
