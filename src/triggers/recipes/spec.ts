import type { Acknowledgement, WebhookMethod } from "./checked-recipe.ts";
import type { Extraction, Source } from "./recipe.ts";

/** `equality` compares a shared secret that the provider repeats in every request: nothing is signed then. */
export type Algorithm = "hmac-sha1" | "hmac-sha256" | "hmac-sha512" | "ed25519" | "ecdsa-p256" | "equality";
/** How a text stands for bytes. */
export type Encoding = "utf8" | "hex" | "base64";

/** Where the signature is, and what it is. */
export interface SignatureRule {
  /** One header, or several that may each carry a signature (Box's two keys). Or a pointer, for `equality` only. */
  header?: string | readonly string[];
  pointer?: string;
  /** What stands before it, exactly, e.g. `sha256=`. */
  prefix?: string;
  /** The header is a list of items such as `t=1,v1=ab`; only items under `key` are signatures. */
  fields?: { separator: string; pair: string; key: string; timestamp?: string };
  algorithm: Algorithm;
  encoding: Encoding;
  /** For secrets that begin so, another algorithm under another key of the list (Standard Webhooks' `v1a`). */
  asymmetric?: { secretPrefix: string; key: string; algorithm: "ed25519" };
}

/** Where the time of sending is. It is signed only if `signed` has `{ts}`, or it is read from the body. */
export interface TimestampRule {
  /** Absent for the `timestamp` of `fields`. */
  source?: { header: string } | { pointer: string };
  unit: "s" | "ms" | "iso";
  /** In both directions, inclusive. Null = it is signed, but not judged. */
  toleranceSeconds: number | null;
  /** False = a request without one is accepted. */
  required: boolean;
}

/** What must hold for a reply: the value is there, or is that, or is absent. */
export type Condition = Source & { equals?: string; absent?: true };

/**
 * A request that gets an answer of its own. In `body`, `{challenge}` is the challenge as it came and `{mac}` its HMAC
 * under the connector's secret.
 */
export interface ReplyRule {
  /** GET replies are given without a signature, since such requests carry none. */
  method: WebhookMethod;
  when: readonly Condition[];
  challenge?: Source;
  /** A setting whose value this source must equal (Meta's verify token). */
  token?: { source: Source; setting: string };
  macEncoding?: "hex" | "base64";
  status?: 200 | 204;
  contentType?: "text/plain; charset=utf-8" | "application/json";
  body: string;
  /** It is an event all the same, and forwarded. */
  event?: true;
}

/**
 * A verification recipe as data. The wire's `recipe` is exactly this, but for `hmac-sha1`, `asymmetric` and `replies`,
 * which only providers that we know have.
 */
export interface RecipeSpec {
  signature: SignatureRule;
  /** The signed bytes: `{body}`, `{ts}`, `{id}`, `{url}` and literals. */
  signed: string;
  secret: { stripPrefix?: string; encoding: Encoding };
  timestamp?: TimestampRule;
  /** The header that `{id}` stands for. */
  idHeader?: string;
  event: Extraction;
  replies: readonly ReplyRule[];
  acknowledgement?: Acknowledgement;
  /** Besides those that the recipe reads anyway. */
  forwardedHeaders?: readonly string[];
  strippedHeaders?: readonly string[];
  /** Pointers to blank. */
  strips?: readonly string[];
  maxBodyBytes?: number;
  /** Two requests with one body are two events (Dropbox's pings); the body's hash must not tell repeats. */
  alwaysNew?: true;
  /** 400 where a provider takes 401 for something else (Figma). */
  refusedStatus?: 400 | 401;
}
