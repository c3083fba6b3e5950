import { type Call, request, text } from "./api.ts";
import { tellGitHubStory } from "./github-story.ts";
import { KEY_CONNECTOR, OAUTH_CONNECTOR, type Scene } from "./scene.ts";
import { setUp } from "./set-up.ts";
import { askForToken, identify, tokenPath, useAtProvider } from "./steps.ts";
import { tellUserStory } from "./user-story.ts";
import { tellWebhookStory } from "./webhook-story.ts";

/**
 * The main job through the public API alone: from an empty deployment to tokens, a user's among them, and to a revoked
 * one; then webhooks, from the provider's signature to the app, and a GitHub App in two organizations. Returns the
 * owner's access token.
 */
export async function tellStory(scene: Scene): Promise<string> {
  const accessToken = await setUp(scene);
  const workloadToken = await identify(scene, "invoices");
  const providerToken = await fetchTokens(scene, workloadToken);
  await refuseStranger(scene);
  await tellUserStory(scene, accessToken, workloadToken);
  await revoke(scene, accessToken, workloadToken, providerToken);
  await tellWebhookStory(scene, accessToken);
  await tellGitHubStory(scene, accessToken, workloadToken);
  return accessToken;
}

/** A workload token of this deployment's own issuer, for a developer's machine. */
export async function developmentToken({ origin }: Scene, accessToken: string): Promise<string> {
  const call: Call = { method: "POST", path: "/v1/projects/invoices/token", token: accessToken, expect: 200 };
  return text((await request(origin, call)).value, "token");
}

/** The same token twice, used at the provider, and a static key. Returns the provider's token. */
async function fetchTokens(scene: Scene, token: string): Promise<string> {
  // The proof of a cache: how often the provider's token endpoint was asked until now.
  const show = () => {
    const { tokenRequests } = scene.provider.requests();
    return { provider: `asked ${tokenRequests === 1 ? "once" : `${tokenRequests} times`} until now` };
  };
  const reports = { connector: OAUTH_CONNECTOR, token, show };
  const first = await askForToken(scene, "Ask for a reports token: minted at the provider", reports);
  await askForToken(scene, "Ask again: from the cache", {
    ...reports,
    check: (again) => again === first && scene.provider.requests().tokenRequests === 1,
  });
  await useAtProvider(scene, "Use it at the provider's API", first, 200);
  await askForToken(scene, "Ask for the mail provider's key", { connector: KEY_CONNECTOR, token });
  return first;
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
