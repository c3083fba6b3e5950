import * as z from "zod";
import { LARGEST_BODY_BYTES } from "./checked-recipe.ts";
import { isPointer } from "./json-pointers.ts";
import type { RecipeSpec } from "./spec.ts";

// The recipe that an operator writes for a provider that we do not know; see docs/webhook-providers.md.

const MAX_SOURCES = 20;

const headerName = z
  .string()
  .toLowerCase()
  .regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/, "must be the name of a header")
  .refine((name) => !FORBIDDEN_HEADERS.includes(name), "must not be a header of the transport's or the browser's");
const FORBIDDEN_HEADERS = ["cookie", "host", "content-length", "content-type", "transfer-encoding", "connection"];

const pointer = z.string().min(1).max(500).refine(isPointer, "must be a JSON Pointer such as /event/type");
const name = z.string().min(1).max(100);
const source = z.union([
  z.strictObject({ header: headerName }),
  z.strictObject({ pointer }),
  z.strictObject({ form: name, pointer: pointer.exactOptional() }),
  z.strictObject({ query: name }),
]);
const sources = z.array(source).min(1).max(MAX_SOURCES);
const parts = z.array(z.union([source, sources])).max(MAX_SOURCES);
const separator = z.string().min(1).max(4);

const signature = z.strictObject({
  header: headerName,
  prefix: z.string().max(50).exactOptional(),
  fields: z.strictObject({ separator, pair: separator, key: name, timestamp: name.exactOptional() }).exactOptional(),
  algorithm: z.enum(["hmac-sha256", "hmac-sha512", "ed25519", "ecdsa-p256", "equality"]),
  encoding: z.enum(["hex", "base64", "utf8"]).default("hex"),
});

const timestamp = z.strictObject({
  source: z.union([z.strictObject({ header: headerName }), z.strictObject({ pointer })]).exactOptional(),
  unit: z.enum(["s", "ms", "iso"]),
  toleranceSeconds: z.int().min(1).max(3600).default(300),
  required: z.boolean().default(true),
});

const acknowledgement = z.strictObject({
  status: z.union([z.literal(200), z.literal(202), z.literal(204)]),
  contentType: z.enum(["text/plain; charset=utf-8", "application/json"]).exactOptional(),
  body: z.string().max(1000).default(""),
});

const Shape = z.strictObject({
  signature,
  signed: z.string().max(200).default("{body}"),
  secret: z
    .strictObject({ stripPrefix: z.string().max(20).exactOptional(), encoding: z.enum(["utf8", "hex", "base64"]) })
    .default({ encoding: "utf8" }),
  timestamp: timestamp.exactOptional(),
  idHeader: headerName.exactOptional(),
  event: z
    .strictObject({
      type: parts.default([]),
      id: parts.default([]),
      tenant: z.array(source).max(MAX_SOURCES).default([]),
    })
    .default({ type: [], id: [], tenant: [] }),
  acknowledgement: acknowledgement.exactOptional(),
  forwardedHeaders: z.array(headerName).max(50).exactOptional(),
  strippedHeaders: z.array(headerName).max(50).exactOptional(),
  strips: z.array(pointer).max(MAX_SOURCES).exactOptional(),
  alwaysNew: z.literal(true).exactOptional(),
  maxBodyBytes: z.int().min(1).max(LARGEST_BODY_BYTES).exactOptional(),
});

type Shape = z.output<typeof Shape>;

/** What one member says that another does not allow, with the member that has to change. */
const CONTRADICTIONS: readonly [(recipe: Shape) => boolean, path: string[], problem: string][] = [
  [({ signed }) => signed.split("{body}").length !== 2, ["signed"], "must have {body} once"],
  [
    ({ signed }) => /\{(?!(body|ts|id|url)\})/.test(signed),
    ["signed"],
    "may have no { but those of {body}, {ts}, {id} and {url}",
  ],
  [
    ({ signed, timestamp: rule }) =>
      signed.includes("{ts}") && (rule === undefined || !rule.required || "pointer" in (rule.source ?? {})),
    ["timestamp"],
    "must be required, and in a header, since {ts} is signed",
  ],
  [
    ({ signed, idHeader }) => signed.includes("{id}") !== (idHeader !== undefined),
    ["idHeader"],
    "must name the header that {id} in signed stands for",
  ],
  [
    ({ signature: { fields }, timestamp: rule }) =>
      (rule !== undefined && rule.source === undefined) !== (fields?.timestamp !== undefined),
    ["timestamp", "source"],
    "must be there unless signature.fields.timestamp is",
  ],
  [
    ({ signature: { fields, prefix } }) => fields !== undefined && prefix !== undefined,
    ["signature", "prefix"],
    "must not stand beside fields",
  ],
  [
    ({ signature: { algorithm }, signed, timestamp: rule }) =>
      algorithm === "equality" && (signed !== "{body}" || rule !== undefined),
    ["signed"],
    "must not be there, nor a timestamp: nothing is signed by equality",
  ],
  [
    ({ signature: { algorithm, encoding } }) => (algorithm === "equality") !== (encoding === "utf8"),
    ["signature", "encoding"],
    "must be hex or base64, and utf8 for equality",
  ],
  [
    ({ signature: { algorithm }, secret }) => /^e[dc]/.test(algorithm) && secret.encoding === "utf8",
    ["secret", "encoding"],
    "must be hex or base64 for a public key",
  ],
];

/** A recipe of an operator's own, as it is sent and stored. */
export const OwnRecipe = Shape.superRefine((recipe, context) => {
  for (const [isSo, path, message] of CONTRADICTIONS) {
    if (isSo(recipe)) context.addIssue({ code: "custom", path, message });
  }
});
export type OwnRecipe = z.output<typeof OwnRecipe>;

export function ownSpec(recipe: OwnRecipe): RecipeSpec {
  return { ...recipe, replies: [] };
}
