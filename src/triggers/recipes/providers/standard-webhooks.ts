import { providers, type Row, sentAt } from "./row.ts";

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, by its headers' prefix. */
export function standardWebhooks(prefix: "webhook-" | "svix-"): Row {
  return {
    header: `${prefix}signature`,
    fields: { separator: " ", pair: ",", key: "v1" },
    asymmetric: { secretPrefix: "whpk_", key: "v1a", algorithm: "ed25519" },
    encoding: "base64",
    signed: "{id}.{ts}.{body}",
    secret: { stripPrefix: "whsec_", encoding: "base64" },
    idHeader: `${prefix}id`,
    timestamp: sentAt(`${prefix}timestamp`, "s"),
    type: "/type|/event_type|/event",
    id: `${prefix}id`,
  };
}

/** Those who sign as the specification says, and nothing else is known of. */
export const STANDARD_WEBHOOKS = providers({
  "standard-webhooks": {
    ...standardWebhooks("webhook-"),
    services: ["standard-webhooks", "openai", "replicate", "render", "brex"],
  },
  // https://docs.svix.com/receiving/verifying-payloads/how-manual
  svix: { ...standardWebhooks("svix-"), services: ["svix", "clerk", "resend", "recall"] },
});
