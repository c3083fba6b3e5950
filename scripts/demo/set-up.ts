import { type Call, type Json, request, text } from "./api.ts";
import type { AuthorizationServer } from "./authorization-server.ts";
import { claimsOf, KEY_CONNECTOR, OAUTH_CONNECTOR, type Scene } from "./scene.ts";
import { shorten } from "./transcript.ts";

/** What an operator does once: claim, projects, issuer, rules, connectors, links. Returns the owner's access token. */
export async function setUp({ transcript, origin, setupToken, provider }: Scene): Promise<string> {
  const call = (title: string, details: Call): Promise<Json> => transcript.step(title, () => request(origin, details));

  transcript.heading("Set up, once, as the operator");
  const claimed = await call("Claim the deployment with its setup token", {
    method: "POST",
    path: "/v1/setup",
    body: { setupToken },
    expect: 201,
    show: (answer) => ({ teamId: text(answer, "teamId"), accessToken: shorten(text(answer, "accessToken")) }),
  });
  const accessToken = text(claimed, "accessToken");
  const as = { token: accessToken };

  for (const slug of ["invoices", "website"]) {
    await call(`Create the project ${slug}`, {
      ...as,
      method: "POST",
      path: "/v1/projects",
      body: { slug },
      expect: 201,
      show: (answer) => ({ id: text(answer, "id") }),
    });
  }
  for (const [environment, environmentOrigin] of [
    ["production", "https://invoices.example.com"],
    ["development", "http://127.0.0.1:3000"],
  ] as const) {
    await call(`Say where ${environment} lives`, {
      ...as,
      method: "PUT",
      path: `/v1/projects/invoices/environments/${environment}`,
      body: { origin: environmentOrigin },
      expect: 200,
      show: (answer) => ({ origin: text(answer, "origin") }),
    });
  }
  await call("Trust the issuer of the workloads' OIDC tokens", {
    ...as,
    method: "POST",
    path: "/v1/issuers",
    body: { issuer: provider.issuer, audience: origin, algorithms: ["ES256"] },
    expect: 201,
    show: (answer) => ({ issuer: text(answer, "issuer"), audience: text(answer, "audience") }),
  });
  for (const project of ["invoices", "website"]) {
    await call(`Say which token is ${project} in production`, {
      ...as,
      method: "POST",
      path: `/v1/projects/${project}/identities`,
      body: { issuer: provider.issuer, environment: "production", claims: claimsOf(project) },
      expect: 201,
      show: () => ({ claims: JSON.stringify(claimsOf(project)) }),
    });
  }
  await call("Register the reports provider (OAuth client credentials)", {
    ...as,
    method: "POST",
    path: "/v1/connect/connectors",
    body: { type: "oauth", uid: OAUTH_CONNECTOR, name: "Acme Reports", data: oauthData(provider) },
    expect: 201,
    show: (answer) => ({ id: text(answer, "id"), uid: text(answer, "uid"), service: text(answer, "service") }),
  });
  await call("Register the mail provider (an API key)", {
    ...as,
    method: "POST",
    path: "/v1/connect/connectors",
    body: {
      type: "api-key",
      uid: KEY_CONNECTOR,
      name: "Acme Mail",
      data: { values: [{ value: `mail_${crypto.randomUUID()}` }] },
    },
    expect: 201,
    show: (answer) => ({ id: text(answer, "id"), uid: text(answer, "uid") }),
  });
  for (const connector of [OAUTH_CONNECTOR, KEY_CONNECTOR]) {
    await call(`Link ${connector} to invoices`, {
      ...as,
      method: "POST",
      path: `/v1/connect/connectors/${encodeURIComponent(connector)}/projects/invoices`,
      body: { environments: ["production", "development"] },
      expect: 200,
      show: (answer) => ({ environments: text(answer, "enabledEnvironments") }),
    });
  }
  return accessToken;
}

function oauthData({ issuer, clients }: AuthorizationServer): Json {
  const { clientId, clientSecret, authMethod } = clients.basic;
  return {
    serverUrl: issuer,
    clientId,
    clientSecret,
    tokenEndpointAuthMethod: authMethod,
    clientCredentials: { enabled: true, scopes: ["reports:read"] },
  };
}
