import { table } from "./doc-tables.ts";

// The table of docs/webhook-providers.md, made of `src/triggers/recipes`. Their types, as far as it needs them:

type Source =
  | { header: string }
  | { query: string }
  | { pointer: string; as?: string }
  | { form: string; pointer?: string };

interface Spec {
  signature: {
    header?: string | readonly string[];
    pointer?: string;
    prefix?: string;
    fields?: { separator: string; pair: string; key: string };
    asymmetric?: { key: string };
    algorithm: string;
    encoding: string;
  };
  signed: string;
  secret: { encoding: string };
  timestamp?: { toleranceSeconds: number | null };
  idHeader?: string;
  event: {
    type: readonly (Source | readonly Source[])[];
    id: readonly (Source | readonly Source[])[];
    tenant: readonly Source[];
  };
  replies: readonly { method: string; challenge?: Source; macEncoding?: string; event?: true }[];
  alwaysNew?: true;
}

export interface ProviderFacts {
  services: readonly string[];
  settings?: Readonly<Record<string, { required: boolean }>>;
  recipe: { kind: "data"; spec: Spec } | { kind: "code" };
}

const HEADINGS = ["provider", "connectors", "proof", "window", "id of repeats", "type", "tenant", "answered at once"];

/** One row for each provider. Throws for code that says nothing of itself below. */
export function providerTable(providers: ReadonlyMap<string, ProviderFacts>): string {
  const rows = [...providers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { services, settings = {}, recipe }]) => {
      const facts = recipe.kind === "data" ? dataCells(recipe.spec) : CODE_CELLS[name];
      if (facts === undefined) throw new Error(`say in scripts/webhook-table.ts how ${name} is verified`);
      const names = Object.entries(settings).map(
        ([setting, { required }]) => `\`${setting}\`${required ? "" : " (optional)"}`,
      );
      const who = services.map((service) => `\`${service}\``).join(" ") || "by name only";
      return [`\`${name}\``, names.length === 0 ? who : `${who}; settings ${names.join(", ")}`, ...facts];
    });
  return table(
    HEADINGS,
    rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|"))),
  );
}

function dataCells(spec: Spec): string[] {
  const { event, timestamp } = spec;
  const seconds = timestamp?.toleranceSeconds ?? null;
  const noId = spec.alwaysNew ? "none: each is new" : "SHA-256 of the body";
  return [
    proof(spec),
    seconds === null ? "–" : `± ${seconds} s`,
    event.id.length === 0 ? noId : `${event.id.map((part) => joined(part, " + ", spec)).join(", else ")}`,
    event.type.map(typePart).join(" . ") || "–",
    event.tenant.map((source) => place(source)).join(", else ") || "–",
    [...new Set(spec.replies.map(reply))].join("; ") || "–",
  ];
}

function proof({ signature, signed, secret }: Spec): string {
  const { header, pointer, prefix = "", fields, algorithm, encoding, asymmetric } = signature;
  const names = header === undefined ? [] : [header].flat();
  if (algorithm === "equality")
    return `the secret itself in ${pointer === undefined ? names.map(code) : code(pointer)}`;
  const value = fields ? `${fields.key}${fields.pair}<${encoding}>${fields.separator}…` : `${prefix}<${encoding}>`;
  const key = secret.encoding === "utf8" ? "" : `, key in ${secret.encoding}`;
  const other = asymmetric ? ` (\`${asymmetric.key}\`: ed25519, key \`whpk_…\`)` : "";
  return `${names.map((name) => code(`${name}: ${value}`)).join(" or ")}, ${algorithm}${key}${other} over ${code(signed)}`;
}

function reply({ method, challenge, macEncoding, event }: Spec["replies"][number]): string {
  if (event) return "an interaction, which is put off and forwarded";
  if (challenge === undefined) return "a greeting";
  const how = macEncoding === undefined ? "echoed" : `answered by its HMAC in ${macEncoding}`;
  return `${method === "GET" ? "`GET` with " : ""}a challenge (${place(challenge)}), ${how}`;
}

function joined(part: Source | readonly Source[], glue: string, spec?: Spec): string {
  return [part]
    .flat()
    .map((source) => place(source) + (spec ? unsigned(source, spec) : ""))
    .join(glue);
}

function typePart(part: Source | readonly Source[]): string {
  const members = [part].flat().flatMap((source) => ("as" in source && source.as !== undefined ? [source.as] : []));
  return members.length === 0
    ? joined(part, " or ")
    : `which of ${[...new Set(members)].map(code).join(", ")} is there`;
}

/** What the signature does not cover: a request that is sent again with another one still passes. */
function unsigned(source: Source, spec: Spec): string {
  const isSigned = "header" in source ? source.header === spec.idHeader : spec.signature.algorithm !== "equality";
  return isSigned ? "" : " (unsigned)";
}

function place(source: Source): string {
  if ("header" in source) return code(source.header);
  if ("query" in source) return code(`?${source.query}`);
  if ("form" in source)
    return `${code(source.form)} of a form${source.pointer ? `, ${code(source.pointer)} in it` : ""}`;
  return code(source.pointer);
}

function code(text: string): string {
  return `\`${text}\``;
}

/** Proof, window, id, type, tenant, answers of the providers that are code. */
const CODE_CELLS: Readonly<Record<string, string[]>> = {
  asana: [
    "`x-hook-signature: <hex>`, hmac-sha256 over `{body}`; the key is the `x-hook-secret` that Asana brings",
    "–",
    "SHA-256 of the body",
    "–",
    "–",
    "the one request that brings `x-hook-secret`, while nothing has been verified; empty batches",
  ],
  "aws-sns": [
    "RSA over SNS's list of fields, by a certificate from `https://sns.<region>.amazonaws.com`",
    "–",
    "`/MessageId`",
    "the message's type",
    "`/TopicArn`, which must be a configured one",
    "`SubscriptionConfirmation`, which is confirmed",
  ],
  "google-chat": [
    "`authorization: Bearer <JWT>` of Google for `audience`, from Chat's account; the body is not signed",
    "the token's",
    "SHA-256 of the body",
    "`/type`",
    "`/space/name`",
    "–",
  ],
  "google-pubsub": [
    "`authorization: Bearer <JWT>` of Google for `audience`, from `serviceAccount`; the body is not signed",
    "the token's",
    "`/message/messageId` (unsigned)",
    "`eventType` or `ce-type` among `/message/attributes`",
    "the mailbox of a Gmail notice, else `/subscription`",
    "–",
  ],
  hubspot: [
    "`x-hubspot-signature-v3: <base64>`, hmac-sha256 over `{method}{url}{body}{ts}`; versions 1 and 2 are refused",
    "± 300 s",
    "a hash of the batch without its attempt numbers",
    "`/*/subscriptionType`",
    "`/*/portalId`",
    "–",
  ],
  "microsoft-graph": [
    "the secret itself in every `/value/*/clientState`, which is blanked; the body is not signed",
    "–",
    "SHA-256 of the body, or none: each is new",
    "`/value/*/changeType` or `/value/*/lifecycleEvent`",
    "`/value/*/tenantId`",
    "a request with `?validationToken=`, echoed",
  ],
  "bot-framework": [
    "`authorization: Bearer <JWT>` of the Bot Framework for one of `appIds`, for the body's `serviceUrl` and channel",
    "the token's ± 300 s",
    "`/conversation/id` + `/id` (unsigned)",
    "`/type` . `/name`",
    "`/channelData/tenant/id`, else `/conversation/tenantId`",
    "–",
  ],
  notion: [
    "`x-notion-signature: sha256=<hex>`, hmac-sha256 over `{body}`; the key is the `verification_token` that Notion brings",
    "–",
    "`/id`",
    "`/type`",
    "`/workspace_id`",
    "the one request that brings `verification_token`, while nothing has been verified",
  ],
  "salesforce-outbound": [
    "nothing is signed: only the organization's id is compared, so keep the ingress URL secret",
    "–",
    "the notification's id (unsigned)",
    "the type of the object",
    "the organization's id",
    "an `Ack` for every event",
  ],
  twilio: [
    "`x-twilio-signature: <base64>`, hmac-sha1 over the URL and the form's fields, or the body's hash",
    "–",
    "`i-twilio-idempotency-token` (unsigned), else none: each is new",
    "`MessageStatus`, `CallStatus`, `SmsStatus` or `EventType`",
    "`AccountSid`",
    "–",
  ],
};
