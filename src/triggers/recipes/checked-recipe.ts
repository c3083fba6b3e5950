import type { GuardedFetch } from "../../outbound/guarded-fetch.ts";
import type { RecipeContext, Source, Verdict, WebhookRequest } from "./recipe.ts";
import type { RecipeSpec } from "./spec.ts";

export type WebhookMethod = "GET" | "POST";

/** What a provider is answered when its event is safe. */
export interface Acknowledgement {
  status: 200 | 202 | 204;
  contentType?: string;
  body: string;
}

/** What the ingress must know of a recipe of either kind. Header names are lower case. */
export interface RecipeFacts {
  methods: readonly WebhookMethod[];
  /** The provider's headers that destinations receive. */
  forwardedHeaders: readonly string[];
  /** Headers that carry a shared secret or a replayable token: never forwarded, never stored. */
  strippedHeaders: readonly string[];
  acknowledgement: Acknowledgement;
  /** JSON Pointers of values that are blanked (strip.ts) before the body is stored or forwarded. */
  strips: readonly string[];
  /** The operator has to give a secret that a handshake brought back to the provider. */
  returnsSecret?: true;
  /** No connector may accept more (bytes). */
  maxBodyBytes: number;
}

/** A recipe that is data: one engine (verify.ts, stream-verify.ts) runs them all. */
export interface DataRecipe extends RecipeFacts {
  kind: "data";
  spec: RecipeSpec;
  /** Everywhere that the spec reads something, but for its signature. */
  sources: readonly Source[];
}

/** What a recipe that is code may reach. */
export interface RecipeDeps {
  fetch: GuardedFetch;
  now: () => number;
}

/** A recipe that data cannot say. */
export interface CodeRecipe extends RecipeFacts {
  kind: "code";
  verify(request: WebhookRequest, context: RecipeContext, deps: RecipeDeps): Promise<Verdict>;
}

export type CheckedRecipe = DataRecipe | CodeRecipe;

/** One setting of a provider's recipe, as an operator gives it. */
export interface SettingRule {
  required: boolean;
  /** A list of texts (1 to 20); else one text. */
  list?: true;
  /** Each text must match it; 1 to 500 characters otherwise. */
  pattern?: RegExp;
  /** What it must be, after "must be": e.g. `the id of your Azure bot`. */
  what: string;
}

/** A recipe that we know by name. */
export interface Provider {
  /**
   * The connector types and services that use it without being told. Empty = only by its name; where two providers
   * name one service, the operator has to choose.
   */
  services: readonly string[];
  settings?: Readonly<Record<string, SettingRule>>;
  recipe: CheckedRecipe;
}

/** The largest body that any provider may send (bytes): GitHub's cap. */
export const LARGEST_BODY_BYTES = 25 * 1024 * 1024;
/** The longest body that is held whole, where it cannot be judged piece by piece: 128 MB are shared by a whole isolate. */
export const LARGEST_BUFFERED_BYTES = 5 * 1024 * 1024;
/** What a connector accepts unless its recipe says less, or its operator more (bytes). */
export const USUAL_BODY_BYTES = 1024 * 1024;
