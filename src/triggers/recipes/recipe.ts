import type { Secret } from "../../crypto/secret.ts";

/** A provider's request as it came. */
export interface WebhookRequest {
  method: string;
  /** The URL that the provider called: our public origin, and path and query as they were sent. */
  url: string;
  headers: Headers;
  /** Exactly the bytes that were sent. */
  body: Uint8Array<ArrayBuffer>;
}

/** One signing secret of a connector. The current one comes first; others are there while a rotation lasts. */
export interface SigningSecret {
  id: string;
  value: Secret;
}

/**
 * Where a value is read from. A pointer is an RFC 6901 JSON Pointer into the body, in which `*` is every item of an
 * array; `form` a field of a form body, and with a pointer, a place in the JSON that the field holds. With `as`, that
 * text stands for whatever is there.
 */
export type Source =
  | { header: string }
  | { pointer: string; as?: string }
  | { form: string; pointer?: string }
  | { query: string };

/** What a recipe reads out of a verified request. Only texts and numbers are read. */
export interface Extraction {
  /** Parts of the event's type, joined by "."; absent parts are left out. A list within is alternatives, best first. */
  type: readonly (Source | readonly Source[])[];
  /** The first that is there is the id by which repeats are known. A list within is parts that must all be there. */
  id: readonly (Source | readonly Source[])[];
  /** The first that is there: all its values are tenants (workspaces, organizations, installations). */
  tenant: readonly Source[];
}

/** What verification learnt from a request. */
export interface ProviderEvent {
  /** Null = the provider named none. */
  type: string | null;
  /** The provider's ids of the workspaces, organizations or installations that it is about; without repeats. */
  tenants: string[];
  /** The provider's id of the event; null = it has none, and the body's hash stands in. */
  id: string | null;
  /** Whether the signature covers that id; else only the body tells replays apart. */
  idIsSigned: boolean;
  /** When the provider says that it sent it. */
  sentAtMs: number | null;
  /** A thin ping: two with the same body are two events, and nothing tells repeats apart. */
  alwaysNew?: true;
}

/** What a provider gets for a handshake instead of an event's acknowledgement. */
export interface ProviderAnswer {
  status: 200 | 204;
  contentType: "text/plain; charset=utf-8" | "application/json" | null;
  body: string;
  /** E.g. Asana's `x-hook-secret`. */
  headers?: Record<string, string>;
}

export type RefusalReason =
  | "signature_missing"
  | "signature_malformed"
  | "signature_mismatch"
  | "timestamp_missing"
  | "timestamp_malformed"
  | "timestamp_out_of_range"
  | "id_malformed"
  | "token_invalid"
  | "keys_unavailable"
  | "handshake_refused"
  | "not_a_webhook";

/** The judgement of one request. */
export type Verdict =
  /** `secretId` says which secret matched; null where the scheme has none. `answer` replaces the usual empty 200. */
  | { kind: "event"; event: ProviderEvent; secretId: string | null; answer?: ProviderAnswer }
  /** A handshake, answered at once; nothing is forwarded. `learned` is a secret that the provider set by it. */
  | { kind: "handshake"; answer: ProviderAnswer; learned?: Secret }
  /** 503 = we cannot judge it now (`keys_unavailable`), so that the provider sends it again. */
  | { kind: "refused"; status: 400 | 401 | 503; reason: RefusalReason }
  /** No usable secret is configured: 503, never open. */
  | { kind: "misconfigured" };

/** What a recipe is run with. */
export interface RecipeContext {
  secrets: readonly SigningSecret[];
  /** Nothing has been verified yet: the only state in which unsigned handshakes that carry a secret may be answered. */
  pendingVerification: boolean;
  /** The configured settings of code recipes (e.g. `appIds`, `audience`, `serviceAccount`), checked when they were saved. */
  settings: Readonly<Record<string, string | readonly string[]>>;
  nowMs: number;
}
