import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { type Call, type Json, request, text } from "./api.ts";
import { claimsOf, type Scene } from "./scene.ts";
import { shorten } from "./transcript.ts";

/** How long the provider may take to learn of a revocation, which is told to it in the background. */
const UPSTREAM_REVOCATION_MS = 10_000;

/** Path of a token request; a connector's uid is one path segment. */
export function tokenPath(connector: string): string {
  return `/v1/connect/token/${encodeURIComponent(connector)}`;
}

/** The workload's platform gives it a signed OIDC token; here the demo issuer, over its real token endpoint. */
export async function identify({ transcript, origin, provider }: Scene, project: string): Promise<string> {
  transcript.heading(`The workload ${project}, which holds no provider secret`);
  return await transcript.step("Get an OIDC token from the platform it runs on", async () => {
    const startedMs = performance.now();
    const value = await provider.mintWorkloadToken(claimsOf(project), { audience: origin });
    const elapsedMs = performance.now() - startedMs;
    const fields = { iss: provider.issuer, sub: claimsOf(project).sub, token: shorten(value) };
    return { value, shown: { method: "POST", path: `${provider.issuer}/token`, status: 200, elapsedMs, fields } };
  });
}

export interface Ask {
  connector: string;
  /** The workload's OIDC token. */
  token: string;
  /** The app itself unless it is a user. */
  subject?: Json;
  /** Members of the request that ask for less. */
  narrowing?: Json;
  headers?: Record<string, string>;
  /** What must hold of the provider token besides the status. */
  check?: (providerToken: string) => boolean;
  /** What else to show of the answer, or of what it took. */
  show?: (answer: Json) => Record<string, string>;
}

/** One token request. Returns the provider's token. */
export async function askForToken(
  scene: Scene,
  title: string,
  { connector, token, subject = { type: "app" }, narrowing = {}, headers = {}, check, show }: Ask,
): Promise<string> {
  return await scene.transcript.step(title, async () => {
    const { value, shown } = await request(scene.origin, {
      method: "POST",
      path: tokenPath(connector),
      token,
      headers,
      body: { subject, ...narrowing },
      expect: 200,
      show: (answer) => ({ ...tokenFields(answer), ...show?.(answer) }),
    });
    const providerToken = text(value, "token");
    if (check?.(providerToken) === false) throw new Error("The answer was not the token that it had to be.");
    return { value: providerToken, shown };
  });
}

function tokenFields(answer: Json): Record<string, string> {
  const seconds = Math.round((Number(text(answer, "expiresAt")) - Date.now()) / 1000);
  return { token: shorten(text(answer, "token")), tokenId: text(answer, "tokenId"), expires: `in ${seconds} s` };
}

/** The protected resource, with that token; waits a while for the expected status. */
export async function useAtProvider(
  { transcript, provider }: Scene,
  title: string,
  token: string,
  expect: number,
): Promise<void> {
  await transcript.step(title, async () => {
    const call: Call = { method: "GET", path: "/reports", token, expect, show: members };
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

function members(answer: Json): Record<string, string> {
  return Object.fromEntries(Object.keys(answer).map((name) => [name, text(answer, name)]));
}
