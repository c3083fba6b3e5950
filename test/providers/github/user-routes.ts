import { authenticateClient, authenticateToken, tokenState } from "./authentication.ts";
import type { Context, Route } from "./context.ts";
import { type Call, empty, json, jsonBody, notFound, paginate, refuse } from "./http.ts";
import { revokeUserTokens } from "./installing.ts";
import { type App, isMember, type UserToken } from "./records.ts";
import { accountView, installationView, nodeId, repositoryView, time } from "./views.ts";
import type { World } from "./world.ts";

/** What a user token is good for, and what an app can do with one by its client secret. */
export function userRoutes({ world }: Context): Route[] {
  function userToken(call: Call): UserToken {
    const token = authenticateToken(call, world);
    return token.kind === "user" ? token : refuse(403, "Resource not accessible by integration");
  }

  const installationsOf = ({ app, user }: UserToken) =>
    [...world.installations.values()].filter((one) => one.app === app && isMember(one.account, user));

  return [
    {
      name: "user",
      method: "GET",
      path: "/user",
      handle: (call) => {
        const { user } = userToken(call);
        return json(200, { ...accountView(user, world), name: user.login, email: null, company: null });
      },
    },
    {
      name: "user-installations",
      method: "GET",
      path: "/user/installations",
      handle: (call) => {
        const all = installationsOf(userToken(call));
        const { items, headers } = paginate(call, all);
        const installations = items.map((one) => installationView(one, world));
        return json(200, { total_count: all.length, installations }, headers);
      },
    },
    {
      name: "user-installation-repositories",
      method: "GET",
      path: "/user/installations/:id/repositories",
      handle: (call) => {
        const id = Number(call.params.id);
        const installation = installationsOf(userToken(call)).find((one) => one.id === id);
        if (installation === undefined) notFound();
        const all = world.reach(installation);
        const { items, headers } = paginate(call, all);
        const repositories = items.map((one) => repositoryView(one, world));
        return json(200, { total_count: all.length, repositories }, headers);
      },
    },
    ...applicationRoutes(world),
  ];
}

/** https://docs.github.com/rest/apps/oauth-applications */
function applicationRoutes(world: World): Route[] {
  /** The token in the body, if it is a valid one of the app's users. */
  function named(call: Call): UserToken {
    const app = authenticateClient(call, world);
    const value = jsonBody(call).access_token;
    if (typeof value !== "string") refuse(422, "Validation Failed");
    const token = world.tokens.get(value);
    const valid = token?.kind === "user" && token.app === app && tokenState(token, world) === "valid";
    if (valid) return token;
    return call.method === "DELETE" && world.settings.unknownTokenStatus === 422
      ? refuse(422, "Validation Failed")
      : notFound();
  }

  return [
    {
      name: "check-token",
      method: "POST",
      path: "/applications/:client_id/token",
      handle: (call) => json(200, authorizationView(named(call), world)),
    },
    {
      name: "delete-token",
      method: "DELETE",
      path: "/applications/:client_id/token",
      handle: (call) => {
        named(call).revoked = true;
        return empty(204);
      },
    },
    {
      name: "delete-grant",
      method: "DELETE",
      path: "/applications/:client_id/grant",
      handle: (call) => {
        const { app, user } = named(call);
        revokeUserTokens(world, app, user);
        return empty(204);
      },
    },
  ];
}

function authorizationView(token: UserToken, world: World): Record<string, unknown> {
  const { app, user, createdAtMs, expiresAtMs } = token;
  return {
    id: token.id,
    node_id: nodeId("OA", token.id),
    url: `${world.api}/authorizations/${token.id}`,
    scopes: [],
    token: token.token,
    token_last_eight: token.token.slice(-8),
    hashed_token: null,
    app: appBrief(app),
    note: null,
    note_url: null,
    updated_at: time(createdAtMs),
    created_at: time(createdAtMs),
    fingerprint: null,
    user: accountView(user, world),
    expires_at: expiresAtMs === null ? null : time(expiresAtMs),
  };
}

function appBrief({ clientId, name, externalUrl }: App): Record<string, unknown> {
  return { client_id: clientId, name, url: externalUrl };
}
