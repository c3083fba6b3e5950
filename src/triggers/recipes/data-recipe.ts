import { type DataRecipe, LARGEST_BODY_BYTES } from "./checked-recipe.ts";
import type { Source } from "./recipe.ts";
import type { RecipeSpec } from "./spec.ts";

/** A spec with all that follows from it. Trusts that the spec is sound; see own-recipe.ts for those that may not be. */
export function dataRecipe(spec: RecipeSpec): DataRecipe {
  const { signature, strips = [] } = spec;
  const sources = sourcesOf(spec);
  const headers = sources.flatMap((source) => ("header" in source ? [source.header] : []));
  const signatureHeaders = typeof signature.header === "string" ? [signature.header] : (signature.header ?? []);
  const stripped = [...(spec.strippedHeaders ?? []), ...(signature.algorithm === "equality" ? signatureHeaders : [])];
  const forwarded = new Set([...signatureHeaders, ...headers, ...(spec.forwardedHeaders ?? [])]);
  const isAnsweringGet = spec.replies.some((reply) => reply.method === "GET");
  return {
    kind: "data",
    spec,
    sources,
    methods: isAnsweringGet ? ["GET", "POST"] : ["POST"],
    forwardedHeaders: [...forwarded].filter((name) => name !== "authorization" && !stripped.includes(name)),
    strippedHeaders: ["authorization", ...stripped],
    acknowledgement: spec.acknowledgement ?? { status: 200, body: "" },
    strips,
    maxBodyBytes: spec.maxBodyBytes ?? LARGEST_BODY_BYTES,
  };
}

/** Everywhere that a spec reads something, but for its signature. */
function sourcesOf(spec: RecipeSpec): Source[] {
  const { event, timestamp, idHeader } = spec;
  return [
    ...(timestamp?.source === undefined ? [] : [timestamp.source]),
    ...(idHeader === undefined ? [] : [{ header: idHeader }]),
    ...event.type.flat(),
    ...event.id.flat(),
    ...event.tenant,
    ...spec.replies.flatMap((reply) => [...reply.when, ...(reply.challenge === undefined ? [] : [reply.challenge])]),
  ];
}
