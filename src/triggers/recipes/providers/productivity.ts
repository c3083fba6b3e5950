import { USUAL_BODY_BYTES } from "../checked-recipe.ts";
import { ECHO, hello, providers, sentAt } from "./row.ts";

/** Documents, forms, calendars and directories. */
export const PRODUCTIVITY = providers({
  // https://www.typeform.com/developers/webhooks/secure-your-webhooks/
  typeform: {
    header: "typeform-signature",
    prefix: "sha256=",
    encoding: "base64",
    type: "/event_type",
    id: "/event_id",
    tenant: "/form_response/form_id",
  },
  // https://developer.calendly.com/api-docs/4c305798a61d3-webhook-signatures
  calendly: {
    header: "calendly-webhook-signature",
    fields: { separator: ",", pair: "=", key: "v1", timestamp: "t" },
    signed: "{ts}.{body}",
    timestamp: sentAt(null, "s", 180),
    type: "/event",
    tenant: "/created_by",
  },
  // https://cal.com/docs/developing/guides/automation/webhooks
  "cal-com": { header: "x-cal-signature-256", type: "/triggerEvent" },
  // https://developers.figma.com/docs/rest-api/webhooks/ (a passcode in the body, and 400 for a wrong one)
  figma: {
    passcode: "/passcode",
    algorithm: "equality",
    strips: ["/passcode"],
    refusedStatus: 400,
    maxBodyBytes: USUAL_BODY_BYTES,
    type: "/event_type",
    tenant: "/webhook_id",
    replies: [hello("/event_type", "PING")],
  },
  // https://airtable.com/developers/web/api/webhooks-overview (a thin ping; the key is the base64 `macSecretBase64`)
  airtable: {
    header: "x-airtable-content-mac",
    prefix: "hmac-sha256=",
    secret: { encoding: "base64" },
    tenant: "/base/id",
  },
  // https://www.dropbox.com/developers/reference/webhooks (a thin ping, the same for every change of an account)
  dropbox: {
    alwaysNew: true,
    header: "x-dropbox-signature",
    tenant: "/list_folder/accounts/*",
    replies: [
      {
        method: "GET",
        when: [{ query: "challenge" }],
        challenge: { query: "challenge" },
        ...ECHO,
      },
    ],
  },
  // https://developer.box.com/guides/webhooks/v2/signatures-v2/ (both of its keys sign; keep both as secrets)
  box: {
    header: ["box-signature-primary", "box-signature-secondary"],
    encoding: "base64",
    signed: "{body}{ts}",
    timestamp: sentAt("box-delivery-timestamp", "iso", 600),
    type: "/trigger",
    id: "box-delivery-id",
    tenant: "/webhook/id",
  },
  // https://developers.google.com/workspace/calendar/api/guides/push, …/drive/api/guides/push (no body at all)
  "google-watch": {
    services: ["google-calendar", "google-drive"],
    header: "x-goog-channel-token",
    algorithm: "equality",
    type: "x-goog-resource-state",
    id: "x-goog-channel-id+x-goog-message-number",
    tenant: "x-goog-channel-id",
    replies: [hello("x-goog-resource-state", "sync")],
    forwards: "x-goog-resource-id x-goog-resource-uri x-goog-changed x-goog-channel-expiration",
  },
  // https://developers.webflow.com/data/docs/working-with-webhooks
  webflow: {
    header: "x-webflow-signature",
    signed: "{ts}:{body}",
    timestamp: sentAt("x-webflow-timestamp", "ms"),
    type: "/triggerType",
    tenant: "/payload/siteId /site",
  },
  // https://docs.attio.com/rest-api/guides/webhooks (two changes of one value have one body)
  attio: {
    alwaysNew: true,
    header: "attio-signature",
    type: "/events/*/event_type",
    tenant: "/events/*/id/workspace_id",
  },
  // https://workos.com/docs/events/data-syncing/webhooks
  workos: {
    header: "workos-signature",
    fields: { separator: ",", pair: "=", key: "v1", timestamp: "t" },
    signed: "{ts}.{body}",
    timestamp: sentAt(null, "ms"),
    type: "/event",
    id: "/id",
    tenant: "/data/organization_id",
  },
});
