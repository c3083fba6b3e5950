import { createHash } from "node:crypto";
import { refreshTokenState } from "./authentication.ts";
import type { Context, Route } from "./context.ts";
import { type Call, escapeHtml, json, notFound, page, parameters, type Reply, redirect } from "./http.ts";
import type { Account, App, UserToken } from "./records.ts";
import { opaque } from "./token-formats.ts";
import type { World } from "./world.ts";

const REFRESH_LIFETIME_S = 15_897_600;

/** https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app */
export function oauthRoutes({ world }: Context): Route[] {
  /** 404 is the answer to a client that there is not, of the page as of the token endpoint. */
  const appOf = (form: URLSearchParams) =>
    [...world.apps.values()].find((one) => one.clientId === form.get("client_id"));

  function authorize(call: Call, decision: string | null): Reply {
    const form = parameters(call);
    const app = appOf(form);
    const [firstCallback] = app?.callbackUrls ?? [];
    if (app === undefined || firstCallback === undefined) notFound();
    const state = form.get("state") ?? undefined;
    const back = (error: string, error_description: string, uri = firstCallback) =>
      redirect(uri, { error, error_description, error_uri: authorizationErrorUri(error), state });
    const redirectUri = form.get("redirect_uri");
    if (redirectUri !== null && !app.callbackUrls.includes(redirectUri)) {
      const sentence = "The redirect_uri MUST match the registered callback URL for this application.";
      return back("redirect_uri_mismatch", sentence);
    }
    const target = redirectUri ?? firstCallback;
    const codeChallenge = form.get("code_challenge");
    if (codeChallenge !== null && (codeChallenge.length !== 43 || form.get("code_challenge_method") !== "S256")) {
      return back("invalid_request", "PKCE takes S256 only.", target);
    }
    const user = world.accounts.get((form.get("user") ?? form.get("login") ?? "").toLowerCase());
    const by = user?.type === "User" ? user : world.account(world.settings.user);
    const known = world.authorized.has(`${app.id}:${by.login}`) && form.get("prompt") !== "select_account";
    if (decision === "deny" || (decision === null && world.settings.consent === "deny")) {
      return back("access_denied", "The user has denied your application access.", target);
    }
    if (decision === null && world.settings.consent === "page" && !known) return question(call, app, by);
    return redirect(target, { code: world.newCode({ app, user: by, redirectUri, codeChallenge }), state });
  }

  function question(call: Call, app: App, by: Account): Reply {
    const hidden = [...call.url.searchParams].map(
      ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
    );
    const users = [...world.accounts.values()].filter(({ type }) => type === "User");
    const options = users.map(({ login }) => {
      const selected = login === by.login ? " selected" : "";
      return `<option${selected}>${escapeHtml(login)}</option>`;
    });
    return page(
      200,
      `Authorize ${app.name}`,
      `<form method="post" action="/login/oauth/authorize">${hidden.join("")}
<label>Account <select name="user">${options.join("")}</select></label>
<button name="decision" value="agree">Authorize ${escapeHtml(app.name)}</button>
<button name="decision" value="deny">Cancel</button></form>`,
    );
  }

  return [
    {
      name: "authorize",
      method: "GET",
      path: "/login/oauth/authorize",
      handle: (call) => authorize(call, null),
    },
    {
      name: "authorize",
      method: "POST",
      path: "/login/oauth/authorize",
      handle: (call) => authorize(call, parameters(call).get("decision") ?? "agree"),
    },
    {
      name: "access-token",
      method: "POST",
      path: "/login/oauth/access_token",
      handle: (call) => {
        const form = parameters(call);
        const app = appOf(form);
        if (app === undefined) return answer(call, { error: "Not Found" }, 404);
        if (app.clientSecret !== form.get("client_secret")) {
          return failure(
            call,
            "incorrect_client_credentials",
            "The client_id and/or client_secret passed are incorrect.",
          );
        }
        const grantType = form.get("grant_type") ?? "authorization_code";
        if (grantType === "refresh_token") return refresh(call, world, app, form);
        if (grantType === "authorization_code") return exchange(call, world, app, form);
        return failure(call, "unsupported_grant_type", "The grant_type is not supported.");
      },
    },
  ];
}

function exchange(call: Call, world: World, app: App, form: URLSearchParams): Reply {
  const value = form.get("code") ?? "";
  const code = world.codes.get(value);
  const bad = () => failure(call, "bad_verification_code", "The code passed is incorrect or expired.");
  if (code?.app !== app || code.expiresAtMs <= world.now()) return bad();
  const redirectUri = form.get("redirect_uri");
  if (redirectUri !== null && redirectUri !== (code.redirectUri ?? app.callbackUrls[0])) {
    const sentence = "The redirect_uri MUST match the registered callback URL for this application.";
    return failure(call, "redirect_uri_mismatch", sentence);
  }
  world.codes.delete(value);
  const challenge = createHash("sha256")
    .update(form.get("code_verifier") ?? "")
    .digest("base64url");
  if (code.codeChallenge !== null && code.codeChallenge !== challenge) return bad();
  return answer(call, issue(world, app, code.user));
}

/** https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens */
function refresh(call: Call, world: World, app: App, form: URLSearchParams): Reply {
  const value = form.get("refresh_token") ?? "";
  const token = world.refreshTokens.get(value);
  if (token?.app !== app || refreshTokenState(token, world) !== "valid") {
    return failure(call, "bad_refresh_token", "The refresh token passed is incorrect or expired.");
  }
  // The refresh token and the access token of before end together.
  token.revoked = true;
  return answer(call, issue(world, app, token.user));
}

function issue(world: World, app: App, user: Account): Record<string, string | number> {
  const now = world.now();
  const token: UserToken = {
    kind: "user",
    id: world.nextId(),
    token: opaque("ghu_", 36),
    app,
    user,
    createdAtMs: now,
    expiresAtMs: app.expireUserTokens ? now + world.settings.userTokenSeconds * 1000 : null,
    refreshToken: app.expireUserTokens ? opaque("ghr_", 76) : null,
    refreshExpiresAtMs: now + REFRESH_LIFETIME_S * 1000,
    revoked: false,
  };
  world.tokens.set(token.token, token);
  const { refreshToken } = token;
  if (refreshToken === null) return { access_token: token.token, token_type: "bearer", scope: "" };
  world.refreshTokens.set(refreshToken, token);
  const seconds = (value: number) => (world.settings.lifetimesAsText ? String(value) : value);
  return {
    access_token: token.token,
    expires_in: seconds(world.settings.userTokenSeconds),
    refresh_token: refreshToken,
    refresh_token_expires_in: seconds(REFRESH_LIFETIME_S),
    token_type: "bearer",
    scope: "",
  };
}

/** JSON only for those who accept it; a form otherwise, errors too. */
function answer(call: Call, members: Record<string, string | number>, status = 200): Reply {
  if ((call.headers.accept ?? "").includes("json")) return json(status, members, { "cache-control": "no-store" });
  const body = new URLSearchParams(
    Object.entries(members).map(([name, value]): [string, string] => [name, String(value)]),
  );
  return {
    status,
    headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8", "cache-control": "no-store" },
    body: String(body),
  };
}

/** 200, as GitHub has it for every error that it has a name for; a bad refresh token is explained as a bad code. */
function failure(call: Call, error: string, error_description: string): Reply {
  const topic = error === "bad_refresh_token" ? "bad-verification-code" : error.replaceAll("_", "-");
  const error_uri = `https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/#${topic}`;
  return answer(call, { error, error_description, error_uri });
}

function authorizationErrorUri(error: string): string {
  return `/apps/building-integrations/setting-up-and-registering-oauth-apps/troubleshooting-authorization-request-errors/#${error.replaceAll("_", "-")}`;
}
