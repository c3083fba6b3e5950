import type { Provider, SettingRule } from "../checked-recipe.ts";
import { dataRecipe } from "../data-recipe.ts";
import type { Source } from "../recipe.ts";
import type { RecipeSpec, ReplyRule, SignatureRule, TimestampRule } from "../spec.ts";

/** A provider's line of the table: what is not said is as most providers do it. */
export interface Row
  extends Pick<RecipeSpec, "idHeader" | "acknowledgement" | "strips" | "refusedStatus" | "maxBodyBytes" | "alwaysNew">,
    Partial<Omit<SignatureRule, "pointer">> {
  /** Connector types and services; the row's name if absent. */
  services?: readonly string[];
  settings?: Readonly<Record<string, SettingRule>>;
  /** Where the secret stands in the body (`equality`). */
  passcode?: string;
  /** `{body}` if absent. */
  signed?: string;
  secret?: RecipeSpec["secret"];
  timestamp?: TimestampRule;
  /** Sources in short, see `sources`: "a|b c" is a, or else b, then a dot and c. */
  type?: string;
  /** "a b+c" is a, or else b and c. */
  id?: string;
  /** "a b" is a, or else b. */
  tenant?: string;
  replies?: readonly ReplyRule[];
  /** Further headers that are forwarded. */
  forwards?: string;
  /** Further headers that hold secrets. */
  hides?: string;
}

/** The rows as providers, by name. */
export function providers(rows: Readonly<Record<string, Row>>): Record<string, Provider> {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, provider(name, row)]));
}

function provider(name: string, row: Row): Provider {
  const { header, passcode, prefix, fields, asymmetric, timestamp, idHeader } = row;
  const { algorithm = "hmac-sha256", encoding = "hex" } = row;
  const recipe = dataRecipe({
    signature: {
      ...(header !== undefined && { header }),
      ...(passcode !== undefined && { pointer: passcode }),
      ...(prefix !== undefined && { prefix }),
      ...(fields && { fields }),
      ...(asymmetric && { asymmetric }),
      algorithm,
      encoding: algorithm === "equality" ? "utf8" : encoding,
    },
    signed: row.signed ?? "{body}",
    secret: row.secret ?? { encoding: "utf8" },
    ...(timestamp && { timestamp }),
    ...(idHeader !== undefined && { idHeader }),
    event: {
      type: words(row.type).map((part) => part.split("|").map(source)),
      id: words(row.id).map((part) => part.split("+").map(source)),
      tenant: words(row.tenant).map(source),
    },
    replies: row.replies ?? [],
    ...(row.acknowledgement && { acknowledgement: row.acknowledgement }),
    forwardedHeaders: words(row.forwards),
    strippedHeaders: words(row.hides),
    strips: row.strips ?? [],
    ...(row.refusedStatus && { refusedStatus: row.refusedStatus }),
    ...(row.maxBodyBytes && { maxBodyBytes: row.maxBodyBytes }),
    ...(row.alwaysNew && { alwaysNew: row.alwaysNew }),
  });
  return { services: row.services ?? [name], recipe, ...(row.settings && { settings: row.settings }) };
}

function words(text = ""): string[] {
  return text.split(" ").filter((word) => word !== "");
}

/**
 * One source in short: `/a/b` is a pointer (`/a=x`: an x if anything is there), `form:f` a field of a form, `form:f/a`
 * a place in the JSON that it holds, `?q` a query parameter, and anything else a header.
 */
export function source(text: string): Source {
  const [place = "", as] = text.split("=");
  if (place.startsWith("/")) return { pointer: place, ...(as !== undefined && { as }) };
  if (place.startsWith("?")) return { query: place.slice(1) };
  if (!place.startsWith("form:")) return { header: place };
  const [form = "", ...tokens] = place.slice(5).split("/");
  return { form, ...(tokens.length > 0 && { pointer: `/${tokens.join("/")}` }) };
}

/** A timestamp in a header or, by a pointer, in the body; null = among the signature's fields. 300 s is the usual window. */
export function sentAt(
  place: string | null,
  unit: TimestampRule["unit"],
  toleranceSeconds: number | null = 300,
): TimestampRule {
  const isPointer = place?.startsWith("/") === true;
  return {
    ...(place !== null && { source: isPointer ? { pointer: place } : { header: place } }),
    unit,
    toleranceSeconds,
    required: true,
  };
}

/** A challenge is answered with itself, as text. */
export const ECHO = { contentType: "text/plain; charset=utf-8", body: "{challenge}" } as const;

/** The provider says hello: it is answered with the usual 200, and nothing is forwarded. */
export function hello(place: string, equals?: string): ReplyRule {
  return { method: "POST", when: [{ ...source(place), ...(equals !== undefined && { equals }) }], body: "" };
}
