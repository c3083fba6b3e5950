import { type CodeRecipe, LARGEST_BUFFERED_BYTES, type RecipeFacts } from "../checked-recipe.ts";
import type { ProviderAnswer, RefusalReason, Verdict } from "../recipe.ts";

/** A recipe that is code, with what most providers have in common where nothing else is said. */
export function codeRecipe(verify: CodeRecipe["verify"], facts: Partial<RecipeFacts> = {}): CodeRecipe {
  return {
    methods: ["POST"],
    forwardedHeaders: [],
    strippedHeaders: [],
    acknowledgement: { status: 200, body: "" },
    strips: [],
    ...facts,
    maxBodyBytes: LARGEST_BUFFERED_BYTES,
    kind: "code",
    verify,
  };
}

/** 401, but 503 while keys cannot be had: whoever sent a genuine event then sends it again. */
export function refused(reason: RefusalReason): Verdict {
  return { kind: "refused", status: reason === "keys_unavailable" ? 503 : 401, reason };
}

/** An answer to a request that is no event; `headers` carry an echo that belongs there. */
export function handshake(headers?: Record<string, string>): Extract<Verdict, { kind: "handshake" }> {
  return { kind: "handshake", answer: { ...EMPTY, ...(headers && { headers }) } };
}

const EMPTY: ProviderAnswer = { status: 200, contentType: null, body: "" };
