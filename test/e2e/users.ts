import { demoClient } from "../../scripts/demo/authorization-server.ts";
import type { App } from "./app.ts";
import { type Json, text } from "./http.ts";
import type { Team } from "./team.ts";

export interface UserConnector {
  uid: string;
  id: string;
  redirectUri: string;
}

export interface UserConnectorOptions {
  /** Further members of `data`. */
  data?: Json;
  /** Further members of the connector. */
  connector?: Json;
}

/** A connector with which users of the upstream can authorize, known there, and linked for an app's users. */
export async function connectUsers(
  team: Team,
  app: Pick<App, "origin">,
  uid: string,
  { data = {}, connector = {} }: UserConnectorOptions = {},
): Promise<UserConnector> {
  const { server } = team;
  const client = demoClient("client_secret_basic", `users-${uid}`);
  const created = await server.expect(201, {
    method: "POST",
    path: "/v1/connect/connectors",
    token: team.owner,
    body: {
      type: "oauth",
      uid,
      name: "Acme Reports",
      data: {
        serverUrl: server.provider.issuer,
        clientId: client.clientId,
        clientSecret: client.clientSecret,
        tokenEndpointAuthMethod: client.authMethod,
        userAuthorization: { enabled: true, scopes: ["openid", "reports:read"] },
        refreshTokens: { enabled: true },
        forwardedClaims: { idToken: ["name"] },
        ...data,
      },
      ...connector,
    },
  });
  const redirectUri = text(created, "redirectUri");
  await server.provider.registerUserClient(client, redirectUri);
  const link = { environments: ["production"], returnOrigins: [app.origin], webhookOrigins: [app.origin] };
  await team.link(uid, "linked", link);
  return { uid, id: text(created, "id"), redirectUri };
}
