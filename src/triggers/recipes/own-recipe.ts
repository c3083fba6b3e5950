import * as z from "zod/mini";
import { JSON_POINTER } from "../../json-pointer.ts";
import { LARGEST_BODY_BYTES } from "./checked-recipe.ts";
import type { RecipeSpec } from "./spec.ts";

// The recipe that an operator writes for a provider that we do not know; see docs/webhook-providers.md.

const MAX_SOURCES = 20;

const headerName = z.string().check(
  z.toLowerCase(),
  z.regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/, "must be the name of a header"),
  z.refine((name) => !FORBIDDEN_HEADERS.includes(name), "must not be a header of the transport's or the browser's"),
);
const FORBIDDEN_HEADERS = ["cookie", "host", "content-length", "content-type", "transfer-encoding", "connection"];

const pointer = z
  .string()
  .check(z.minLength(1), z.maxLength(500), z.regex(JSON_POINTER, "must be a JSON Pointer such as /event/type"));
const name = z.string().check(z.minLength(1), z.maxLength(100));
const source = z.union([
  z.strictObject({ header: headerName }),
  z.strictObject({ pointer }),
  z.strictObject({ form: name, pointer: z.exactOptional(pointer) }),
  z.strictObject({ query: name }),
]);
const sources = z.array(source).check(z.minLength(1), z.maxLength(MAX_SOURCES));
const parts = z.array(z.union([source, sources])).check(z.maxLength(MAX_SOURCES));
const separator = z.string().check(z.minLength(1), z.maxLength(4));

const signature = z.strictObject({
  header: headerName,
  prefix: z.exactOptional(z.string().check(z.maxLength(50))),
  fields: z.exactOptional(z.strictObject({ separator, pair: separator, key: name, timestamp: z.exactOptional(name) })),
  algorithm: z.enum(["hmac-sha256", "hmac-sha512", "ed25519", "ecdsa-p256", "equality"]),
  encoding: z._default(z.enum(["hex", "base64", "utf8"]), "hex"),
});

const timestamp = z.strictObject({
  source: z.exactOptional(z.union([z.strictObject({ header: headerName }), z.strictObject({ pointer })])),
  unit: z.enum(["s", "ms", "iso"]),
  toleranceSeconds: z._default(z.int().check(z.gte(1), z.lte(3600)), 300),
  required: z._default(z.boolean(), true),
});

const acknowledgement = z.strictObject({
  status: z.union([z.literal(200), z.literal(202), z.literal(204)]),
  contentType: z.exactOptional(z.enum(["text/plain; charset=utf-8", "application/json"])),
  body: z._default(z.string().check(z.maxLength(1000)), ""),
});

const Shape = z.strictObject({
  signature,
  signed: z._default(z.string().check(z.maxLength(200)), "{body}"),
  secret: z._default(
    z.strictObject({
      stripPrefix: z.exactOptional(z.string().check(z.maxLength(20))),
      encoding: z.enum(["utf8", "hex", "base64"]),
    }),
    { encoding: "utf8" },
  ),
  timestamp: z.exactOptional(timestamp),
  idHeader: z.exactOptional(headerName),
  event: z._default(
    z.strictObject({
      type: z._default(parts, []),
      id: z._default(parts, []),
      tenant: z._default(z.array(source).check(z.maxLength(MAX_SOURCES)), []),
    }),
    { type: [], id: [], tenant: [] },
  ),
  acknowledgement: z.exactOptional(acknowledgement),
  forwardedHeaders: z.exactOptional(z.array(headerName).check(z.maxLength(50))),
  strippedHeaders: z.exactOptional(z.array(headerName).check(z.maxLength(50))),
  strips: z.exactOptional(z.array(pointer).check(z.maxLength(MAX_SOURCES))),
  alwaysNew: z.exactOptional(z.literal(true)),
  maxBodyBytes: z.exactOptional(z.int().check(z.gte(1), z.lte(LARGEST_BODY_BYTES))),
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
export const OwnRecipe = Shape.check(({ value: recipe, issues }) => {
  for (const [isSo, path, message] of CONTRADICTIONS) {
    if (isSo(recipe)) issues.push({ code: "custom", path, message, input: recipe });
  }
});
export type OwnRecipe = z.output<typeof OwnRecipe>;

/** The spec of an operator's own recipe: it answers no handshakes. */
export function ownSpec(recipe: OwnRecipe): RecipeSpec {
  return { ...recipe, replies: [] };
}
