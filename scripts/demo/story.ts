import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { type Call, type Json, request, text } from "./api.ts";
import type { AuthorizationServer } from "./authorization-server.ts";
import { claimsOf, KEY_CONNECTOR, OAUTH_CONNECTOR, type Scene } from "./scene.ts";
import { setUp } from "./set-up.ts";
import { shorten } from "./transcript.ts";

/** How long the provider may take to learn of a revocation, which is told to it in the background. */
const UPSTREAM_REVOCATION_MS = 10_000;

/** The main job, from an empty deployment to a revoked token, through the public API alone. Returns the owner's access token. */
export async function tellStory(scene: Scene): Promise<string> {
  const accessToken = await setUp(scene);
  const workloadToken = await identify(scene, "invoices");
  const providerToken = await fetchTokens(scene, workloadToken);
  await refuseStranger(scene);
  await revoke(scene, accessToken, workloadToken, providerToken);
  return accessToken;
}

/** A workload token of this deployment's own issuer, for a developer's machine. */
export async function developmentToken({ origin }: Scene, accessToken: string): Promise<string> {
  const call: Call = { method: "POST", path: "/v1/projects/invoices/token", token: accessToken, expect: 200 };
  return text((await request(origin, call)).value, "token");
}

/** Path of a token request; a connector's uid is one path segment. */
export function tokenPath(connector: string): string {
  return `/v1/connect/token/${encodeURIComponent(connector)}`;
}

/** The workload's platform gives it a signed OIDC token; here the demo issuer, over its real token endpoint. */
async function identify({ transcript, origin, provider }: Scene, project: string): Promise<string> {
  transcript.heading(`The workload ${project}, which holds no provider secret`);
  return await transcript.step("Get an OIDC token from the platform it runs on", async () => {
    const startedMs = performance.now();
    const value = await provider.mintWorkloadToken(claimsOf(project), { audience: origin });
    const elapsedMs = performance.now() - startedMs;
    const fields = { iss: provider.issuer, sub: claimsOf(project).sub, token: shorten(value) };
    return { value, shown: { method: "POST", path: `${provider.issuer}/token`, status: 200, elapsedMs, fields } };
  });
}

/** The same token twice, used at the provider, and a static key. Returns the provider's token. */
async function fetchTokens(scene: Scene, token: string): Promise<string> {
  const reports = { connector: OAUTH_CONNECTOR, token };
  const first = await askForToken(scene, "Ask for a reports token: minted at the provider", reports);
  await askForToken(scene, "Ask again: from the cache", {
    ...reports,
    check: (again) => again === first && scene.provider.requests().tokenRequests === 1,
  });
  await useAtProvider(scene, "Use it at the provider's API", first, 200);
  await askForToken(scene, "Ask for the mail provider's key", { connector: KEY_CONNECTOR, token });
  return first;
}

interface Ask {
  connector: string;
  /** The workload's OIDC token. */
  token: string;
  headers?: Record<string, string>;
  /** What must hold of the provider token besides the status. */
  check?: (providerToken: string) => boolean;
}

async function askForToken(
  scene: Scene,
  title: string,
  { connector, token, headers = {}, check }: Ask,
): Promise<string> {
  return await scene.transcript.step(title, async () => {
    const { value, shown } = await request(scene.origin, {
      method: "POST",
      path: tokenPath(connector),
      token,
      headers,
      body: { subject: { type: "app" } },
      expect: 200,
      show: (answer) => ({ ...tokenFields(answer), ...(connector === OAUTH_CONNECTOR ? asked(scene.provider) : {}) }),
    });
    const providerToken = text(value, "token");
    if (check?.(providerToken) === false) throw new Error("The answer was not the token that it had to be.");
    return { value: providerToken, shown };
  });
}

/** How often the provider's token endpoint was asked until now; the proof of a cache. */
function asked(provider: AuthorizationServer): Record<string, string> {
  const { tokenRequests } = provider.requests();
  return { provider: `asked ${tokenRequests === 1 ? "once" : `${tokenRequests} times`} until now` };
}

function tokenFields(answer: Json): Record<string, string> {
  const seconds = Math.round((Number(text(answer, "expiresAt")) - Date.now()) / 1000);
  return { token: shorten(text(answer, "token")), tokenId: text(answer, "tokenId"), expires: `in ${seconds} s` };
}

async function useAtProvider(
  { transcript, provider }: Scene,
  title: string,
  token: string,
  expect: number,
): Promise<void> {
  await transcript.step(title, async () => {
    const call: Call = { method: "GET", path: "/reports", token, expect, show: (answer) => firstMember(answer) };
    const { value, shown } = await eventually(() => request(provider.issuer, call));
    return { value, shown: { ...shown, path: provider.issuer + shown.path } };
  });
}

async function eventually<Value>(attempt: () => Promise<Value>): Promise<Value> {
  const deadlineMs = Date.now() + UPSTREAM_REVOCATION_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadlineMs) throw error;
      await sleep(200);
    }
  }
}

function firstMember(answer: Json): Record<string, string> {
  const [name = ""] = Object.keys(answer);
  return { [name]: text(answer, name) };
}

async function refuseStranger(scene: Scene): Promise<void> {
  const token = await identify(scene, "website");
  await scene.transcript.step("Ask for the same reports token without a link: refused", () =>
    request(scene.origin, {
      method: "POST",
      path: tokenPath(OAUTH_CONNECTOR),
      token,
      body: { subject: { type: "app" } },
      expect: 404,
      show: (answer) => ({ code: text(answer, "error.code"), message: text(answer, "error.message") }),
    }),
  );
}

async function revoke(scene: Scene, accessToken: string, workloadToken: string, providerToken: string): Promise<void> {
  const { transcript, origin } = scene;
  transcript.heading("Revoke, as the operator");
  await transcript.step("Revoke every token of the reports connector", () =>
    request(origin, {
      method: "DELETE",
      path: `/v1/connect/connectors/${encodeURIComponent(OAUTH_CONNECTOR)}/tokens`,
      token: accessToken,
      body: {},
      expect: 200,
      show: (answer) => ({
        tokensFound: text(answer, "tokensFound"),
        deleted: text(answer, "deleted"),
        upstream: text(answer, "upstream"),
        effectiveBy: new Date(Number(text(answer, "effectiveBy"))).toISOString(),
      }),
    }),
  );
  await useAtProvider(scene, "Use the old token at the provider's API: refused", providerToken, 401);
  await askForToken(scene, "Ask past the caches: a new token", {
    connector: OAUTH_CONNECTOR,
    token: workloadToken,
    headers: { "cache-control": "no-cache" },
    check: (fresh) => fresh !== providerToken,
  });
}
