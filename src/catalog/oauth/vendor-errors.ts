/** What a token endpoint's error is about, as far as it is final. */
type About = "refresh token" | "client";

/**
 * Error codes that end something, and who documents them. Only these do: any other answer, however often it comes, leaves
 * a user's authorization alone.
 */
const VENDOR_ERRORS: { error: string; about: About; source: string }[] = [
  { error: "invalid_grant", about: "refresh token", source: "https://www.rfc-editor.org/rfc/rfc6749#section-5.2" },
  { error: "invalid_client", about: "client", source: "https://www.rfc-editor.org/rfc/rfc6749#section-5.2" },
  // GitHub sends these with status 200.
  {
    error: "bad_refresh_token",
    about: "refresh token",
    source:
      "https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens",
  },
  {
    error: "incorrect_client_credentials",
    about: "client",
    source:
      "https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app",
  },
  // Slack, with status 200 and "ok": false.
  {
    error: "invalid_refresh_token",
    about: "refresh token",
    source: "https://docs.slack.dev/reference/methods/oauth.v2.access",
  },
  {
    error: "token_revoked",
    about: "refresh token",
    source: "https://docs.slack.dev/reference/methods/oauth.v2.access",
  },
  {
    error: "token_expired",
    about: "refresh token",
    source: "https://docs.slack.dev/reference/methods/oauth.v2.access",
  },
  {
    error: "bad_client_secret",
    about: "client",
    source: "https://docs.slack.dev/reference/methods/oauth.v2.access",
  },
  // Salesforce, of a user who was deactivated.
  {
    error: "inactive_user",
    about: "refresh token",
    source: "https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flow_errors.htm",
  },
  // Coinbase.
  {
    error: "expired_token",
    about: "refresh token",
    source: "https://docs.cdp.coinbase.com/coinbase-app/api-architecture/error-messages",
  },
];

const ABOUT = new Map(VENDOR_ERRORS.map(({ error, about }) => [error, about]));

/** What an error code ends; null = nothing. */
export function vendorErrorOf(error: string): About | null {
  return ABOUT.get(error) ?? null;
}
