import { concat, hex, utf8 } from "../../../src/crypto/bytes.ts";
import { Secret } from "../../../src/crypto/secret.ts";
import type { CheckedRecipe } from "../../../src/triggers/recipes/checked-recipe.ts";
import type { RecipeContext, Verdict, WebhookRequest } from "../../../src/triggers/recipes/recipe.ts";
import { PROVIDERS } from "../../../src/triggers/recipes/registry.ts";
import { startStreamVerification } from "../../../src/triggers/recipes/stream-verify.ts";
import { verifyRequest } from "../../../src/triggers/recipes/verify.ts";

export const NOW_MS = 1_790_000_000_000;
export const NOW_S = String(NOW_MS / 1000);
export const URL_OF_HOOK = "https://connect.example/hooks/3q2-7wEjRWeJq83vASNFZw";

export function recipeOf(provider: string): CheckedRecipe {
  const known = PROVIDERS.get(provider);
  if (known === undefined) throw new Error(`no provider ${provider}`);
  return known.recipe;
}

export function contextOf(secrets: readonly string[], more: Partial<RecipeContext> = {}): RecipeContext {
  return {
    secrets: secrets.map((text, index) => ({ id: `s${index}`, value: Secret.of(text) })),
    pendingVerification: false,
    settings: {},
    nowMs: NOW_MS,
    ...more,
  };
}

export function post(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): WebhookRequest {
  return {
    method: "POST",
    url: URL_OF_HOOK,
    headers: new Headers({ "content-type": "application/json", ...headers }),
    body: typeof body === "string" ? utf8(body) : body,
  };
}

export function get(query: string): WebhookRequest {
  return { method: "GET", url: `${URL_OF_HOOK}${query}`, headers: new Headers(), body: new Uint8Array() };
}

const NO_CALLS = {
  fetch: () => {
    throw new Error("a recipe that is data calls nobody");
  },
  now: () => NOW_MS,
};

export function verify(recipe: CheckedRecipe, request: WebhookRequest, context: RecipeContext): Promise<Verdict> {
  return verifyRequest(recipe, request, context, NO_CALLS);
}

/** The verdict that a body in pieces gets; null = this recipe needs it whole. */
export async function verifyInPieces(
  recipe: CheckedRecipe,
  { body, ...head }: WebhookRequest,
  context: RecipeContext,
  pieceBytes: number,
): Promise<Verdict | null> {
  const stream = startStreamVerification(recipe, head, context);
  if (stream === null) return null;
  for (let at = 0; at < body.length; at += pieceBytes) await stream.write(body.slice(at, at + pieceBytes));
  return stream.finish();
}

export async function hmac(
  hash: "SHA-1" | "SHA-256" | "SHA-512",
  key: string | Uint8Array<ArrayBuffer>,
  ...parts: (string | Uint8Array<ArrayBuffer>)[]
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = (part: string | Uint8Array<ArrayBuffer>) => (typeof part === "string" ? utf8(part) : part);
  const imported = await crypto.subtle.importKey("raw", bytes(key), { name: "HMAC", hash }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, concat(...parts.map(bytes))));
}

type Parts = (string | Uint8Array<ArrayBuffer>)[];

export async function hex256(key: string | Uint8Array<ArrayBuffer>, ...parts: Parts): Promise<string> {
  return hex(await hmac("SHA-256", key, ...parts));
}

export async function base256(key: string | Uint8Array<ArrayBuffer>, ...parts: Parts): Promise<string> {
  return (await hmac("SHA-256", key, ...parts)).toBase64();
}

/** Why a request was refused, or what else became of it. */
export function outcome(verdict: Verdict): string {
  return verdict.kind === "refused" ? `${verdict.status} ${verdict.reason}` : verdict.kind;
}
