import type { RunningDigest } from "../../crypto/digest.ts";
import { anyEquals, startHmac } from "../../crypto/hmac.ts";
import { needsWhole } from "./body-cap.ts";
import type { CheckedRecipe, DataRecipe } from "./checked-recipe.ts";
import { conclude } from "./conclude.ts";
import { JsonScanner } from "./json-scanner.ts";
import { candidatesFor, isVerdict, type Opened, openRequest, refused } from "./opened.ts";
import type { RecipeContext, Verdict, WebhookRequest } from "./recipe.ts";
import type { SigningKey } from "./signing-keys.ts";
import { mayBeForm, pointersOf } from "./sources.ts";

/** A verification that follows a body as it comes, and holds at most 64 KiB of it. */
export interface StreamVerification {
  /** The next bytes; await it before the next call. */
  write(chunk: Uint8Array): Promise<void>;
  /** The verdict, once all bytes are written: the one that `verifyRequest` gives on the whole. */
  finish(): Promise<Verdict>;
}

/** Null = this recipe needs the whole body at once. */
export function startStreamVerification(
  recipe: CheckedRecipe,
  head: Omit<WebhookRequest, "body">,
  context: RecipeContext,
): StreamVerification | null {
  if (recipe.kind === "code" || head.method !== "POST") return null;
  // What may be a form is JSON here, or refused.
  if (mayBeForm(recipe.sources) && !/^application\/json\b/.test(head.headers.get("content-type") ?? "")) return null;
  return needsWhole(recipe.spec, context.secrets) ? null : new DataStreamVerification(recipe, head, context);
}

interface Running {
  opened: Opened;
  /** Of each key that could have signed. Null = a shared secret, which needs no body. */
  macs: { key: SigningKey; candidates: Uint8Array[]; mac: RunningDigest | null }[];
}

class DataStreamVerification implements StreamVerification {
  readonly #recipe: DataRecipe;
  readonly #head: Omit<WebhookRequest, "body">;
  readonly #context: RecipeContext;
  readonly #scanner: JsonScanner;
  #running: Running | Verdict | null = null;

  constructor(recipe: DataRecipe, head: Omit<WebhookRequest, "body">, context: RecipeContext) {
    this.#recipe = recipe;
    this.#head = head;
    this.#context = context;
    this.#scanner = new JsonScanner(pointersOf(recipe.sources));
  }

  async write(chunk: Uint8Array): Promise<void> {
    const running = await this.#start();
    if ("kind" in running) return;
    this.#scanner.write(chunk);
    await Promise.all(running.macs.map(({ mac }) => mac?.write(chunk)));
  }

  async finish(): Promise<Verdict> {
    const running = await this.#start();
    if ("kind" in running) return running;
    const { opened, macs } = running;
    let signer: SigningKey | null = null;
    for (const { key, candidates, mac } of macs) {
      await mac?.write(opened.content.after);
      const expected = mac === null ? key.bytes : await mac.finish();
      if (anyEquals(expected, candidates)) signer ??= key;
    }
    const { spec, sources } = this.#recipe;
    if (signer === null) return refused(spec, "signature_mismatch");
    const { headers, url } = this.#head;
    const json = this.#scanner.finish();
    if (json === null && mayBeForm(sources)) return refused(spec, "not_a_webhook");
    return conclude(spec, opened, signer, { headers, url, json, form: null }, this.#context);
  }

  async #start(): Promise<Running | Verdict> {
    this.#running ??= await this.#open();
    return this.#running;
  }

  async #open(): Promise<Running | Verdict> {
    const opened = await openRequest(this.#recipe.spec, this.#head, this.#context);
    if (isVerdict(opened)) return opened;
    const macs: Running["macs"] = [];
    for (const key of opened.keys) {
      const candidates = candidatesFor(opened, key);
      if (candidates.length === 0) continue;
      const mac = key.hash === null ? null : await startHmac(key.bytes, key.hash);
      await mac?.write(opened.content.before);
      macs.push({ key, candidates, mac });
    }
    return { opened, macs };
  }
}
