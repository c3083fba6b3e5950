import { hex, utf8 } from "../../../src/crypto/bytes.ts";
import type { ProviderEvent } from "../../../src/triggers/recipes/recipe.ts";
import { base256, hex256, hmac, NOW_MS, NOW_S, URL_OF_HOOK } from "./signing.ts";

/** One request as a provider sends it, signed after its documentation and not after our table. */
export interface ProviderCase {
  secret?: string;
  /** `{` by default: what follows needs no JSON. */
  body: string;
  contentType?: string;
  /** All headers but the content type, for a body, a secret, and a time of sending in ms. */
  headers(body: string, secret: string, sentMs: number): Promise<Record<string, string>>;
  event: Omit<ProviderEvent, "sentAtMs">;
  /** The accepted age in seconds, where there is one. */
  toleranceSeconds?: number;
  /** Puts a time into the body, where it stands there. */
  bodyAt?(sentMs: number): string;
}

const SECRET = "8f742231b10e8888abcd99yyyzzz85a5";
const KEY = utf8("0123456789abcdef0123456789abcdef");
const seconds = (sentMs: number) => String(Math.floor(sentMs / 1000));

function event(type: string | null, id: string | null, idIsSigned: boolean, ...tenants: string[]) {
  return { type, id, idIsSigned, tenants };
}

function standard(prefix: string, body: string, signed: ProviderCase["event"]): ProviderCase {
  return {
    secret: `whsec_${KEY.toBase64()}`,
    body,
    toleranceSeconds: 300,
    headers: async (sent, secret, sentMs) => ({
      [`${prefix}id`]: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      [`${prefix}timestamp`]: seconds(sentMs),
      [`${prefix}signature`]: `v1,${await base256(
        Uint8Array.fromBase64(secret.slice(6)),
        `msg_p5jXN8AQM9LWM0D4loKWxJek.${seconds(sentMs)}.${sent}`,
      )}`,
    }),
    event: signed,
  };
}

const ED25519 = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
if (!("publicKey" in ED25519)) throw new Error("no key pair");
const { privateKey, publicKey } = ED25519;
const rawKey = await crypto.subtle.exportKey("raw", publicKey);
if (!(rawKey instanceof ArrayBuffer)) throw new Error("no raw key");
export const DISCORD_KEY = hex(new Uint8Array(rawKey));

export async function discordHeaders(body: string, sentMs: number): Promise<Record<string, string>> {
  const data = utf8(`${seconds(sentMs)}${body}`);
  const signature = await crypto.subtle.sign({ name: "Ed25519" }, privateKey, data);
  return {
    "x-signature-ed25519": hex(new Uint8Array(signature)),
    "x-signature-timestamp": seconds(sentMs),
  };
}

export const CASES: Readonly<Record<string, ProviderCase>> = {
  github: {
    body: '{"action":"opened","installation":{"id":4711},"number":2}',
    headers: async (body, secret) => ({
      "x-hub-signature-256": `sha256=${await hex256(secret, body)}`,
      "x-github-event": "pull_request",
      "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
      "x-github-hook-installation-target-id": "12",
    }),
    event: event("pull_request.opened", "72d3162e-cc78-11e3-81ab-4c9367dc0958", false, "4711"),
  },
  gitlab: standard(
    "webhook-",
    '{"object_kind":"push","project_id":15}',
    event("push", "msg_p5jXN8AQM9LWM0D4loKWxJek", true, "15"),
  ),
  "gitlab-token": {
    body: '{"object_kind":"push","project_id":15}',
    headers: async (_body, secret) => ({ "x-gitlab-token": secret, "idempotency-key": "f5e5f430" }),
    event: event("push", "f5e5f430", false, "15"),
  },
  bitbucket: {
    body: '{"repository":{"workspace":{"uuid":"{w1}"}}}',
    headers: async (body, secret) => ({
      "x-hub-signature": `sha256=${await hex256(secret, body)}`,
      "x-event-key": "repo:push",
      "x-request-uuid": "r-1",
    }),
    event: event("repo:push", "r-1", false, "{w1}"),
  },
  jira: {
    body: '{"webhookEvent":"jira:issue_created","timestamp":1}',
    headers: async (body, secret) => ({
      "x-hub-signature": `sha256=${await hex256(secret, body)}`,
      "x-atlassian-webhook-identifier": "a-1",
    }),
    event: event("jira:issue_created", "a-1", false),
  },
  linear: {
    body: `{"type":"Issue","action":"create","organizationId":"org-1","webhookTimestamp":${NOW_MS}}`,
    bodyAt: (sentMs) => `{"type":"Issue","action":"create","organizationId":"org-1","webhookTimestamp":${sentMs}}`,
    toleranceSeconds: 60,
    headers: async (body, secret) => ({ "linear-signature": await hex256(secret, body), "linear-delivery": "d-1" }),
    event: event("Issue.create", "d-1", false, "org-1"),
  },
  sentry: {
    body: '{"action":"created","installation":{"uuid":"i-1"}}',
    headers: async (body, secret) => ({
      "sentry-hook-signature": await hex256(secret, body),
      "sentry-hook-resource": "issue",
      "request-id": "q-1",
    }),
    event: event("issue.created", "q-1", false, "i-1"),
  },
  vercel: {
    body: '{"id":"uev_1","type":"deployment.created","payload":{"team":{"id":"team_1"}}}',
    headers: async (body, secret) => ({ "x-vercel-signature": hex(await hmac("SHA-1", secret, body)) }),
    event: event("deployment.created", "uev_1", true, "team_1"),
  },
  pagerduty: {
    body: '{"event":{"event_type":"incident.triggered"}}',
    headers: async (body, secret) => ({
      "x-pagerduty-signature": `v1=${"0".repeat(64)},v1=${await hex256(secret, body)}`,
      "x-webhook-id": "w-1",
      "x-webhook-subscription": "PSUB",
    }),
    event: event("incident.triggered", "w-1", false, "PSUB"),
  },
  circleci: {
    body: '{"type":"workflow-completed","id":"e-1","organization":{"id":"o-1"}}',
    headers: async (body, secret) => ({ "circleci-signature": `v1=${await hex256(secret, body)}` }),
    event: event("workflow-completed", "e-1", true, "o-1"),
  },
  buildkite: {
    body: '{"event":"build.finished"}',
    toleranceSeconds: 300,
    headers: async (body, secret, sentMs) => ({
      "x-buildkite-signature": `timestamp=${seconds(sentMs)},signature=${await hex256(secret, `${seconds(sentMs)}.${body}`)}`,
    }),
    event: event("build.finished", null, false),
  },
  slack: {
    body: '{"type":"event_callback","team_id":"T1","event_id":"Ev1","event":{"type":"app_mention"}}',
    toleranceSeconds: 300,
    headers: async (body, secret, sentMs) => ({
      "x-slack-signature": `v0=${await hex256(secret, `v0:${seconds(sentMs)}:${body}`)}`,
      "x-slack-request-timestamp": seconds(sentMs),
    }),
    event: event("app_mention", "Ev1", true, "T1"),
  },
  discord: {
    secret: DISCORD_KEY,
    body: '{"version":1,"application_id":"1234","type":1,"event":{"type":"APPLICATION_AUTHORIZED","data":{"guild":{"id":"9"}}}}',
    toleranceSeconds: 300,
    headers: (body, _secret, sentMs) => discordHeaders(body, sentMs),
    event: event("APPLICATION_AUTHORIZED", null, false, "9"),
  },
  "teams-outgoing": {
    secret: KEY.toBase64(),
    body: '{"type":"message","id":"m1","channelData":{"tenant":{"id":"t1"}}}',
    headers: async (body) => ({ authorization: `HMAC ${await base256(KEY, body)}` }),
    event: event("message", "m1", true, "t1"),
  },
  telegram: {
    body: '{"update_id":42,"callback_query":{"id":"c1"}}',
    headers: async (_body, secret) => ({ "x-telegram-bot-api-secret-token": secret }),
    event: event("callback_query", "42", false),
  },
  zoom: {
    body: '{"event":"meeting.started","event_ts":1,"payload":{"account_id":"a1"}}',
    toleranceSeconds: 300,
    headers: async (body, secret, sentMs) => ({
      "x-zm-signature": `v0=${await hex256(secret, `v0:${seconds(sentMs)}:${body}`)}`,
      "x-zm-request-timestamp": seconds(sentMs),
    }),
    event: event("meeting.started", null, false, "a1"),
  },
  meta: {
    body: '{"object":"whatsapp_business_account","entry":[{"id":"w1","changes":[{"field":"messages"}]},{"id":"w2","changes":[{"field":"messages"}]}]}',
    headers: async (body, secret) => ({ "x-hub-signature-256": `sha256=${await hex256(secret, body)}` }),
    event: event("whatsapp_business_account.messages", null, false, "w1", "w2"),
  },
  x: {
    body: '{"for_user_id":"7","tweet_create_events":[{"id_str":"1"}]}',
    headers: async (body, secret) => ({ "x-twitter-webhooks-signature": `sha256=${await base256(secret, body)}` }),
    event: event("tweet_create_events", null, false, "7"),
  },
  intercom: {
    body: '{"id":"notif_1","topic":"conversation.user.created","app_id":"app1"}',
    headers: async (body, secret) => ({ "x-hub-signature": `sha1=${hex(await hmac("SHA-1", secret, body))}` }),
    event: event("conversation.user.created", "notif_1", true, "app1"),
  },
  zendesk: {
    body: '{"type":"zen:event-type:user.created","account_id":12}',
    toleranceSeconds: 300,
    headers: async (body, secret, sentMs) => {
      const sent = new Date(sentMs).toISOString().replace(".000", "");
      return {
        "x-zendesk-webhook-signature": await base256(secret, sent, body),
        "x-zendesk-webhook-signature-timestamp": sent,
        "x-zendesk-webhook-invocation-id": "01",
      };
    },
    event: event("zen:event-type:user.created", "01", false, "12"),
  },
  front: {
    body: '{"type":"inbound_received","authorization":{"id":"cmp_1"}}',
    toleranceSeconds: 300,
    headers: async (body, secret, sentMs) => ({
      "x-front-signature": await base256(secret, `${sentMs}:`, body),
      "x-front-request-timestamp": String(sentMs),
    }),
    event: event("inbound_received", null, false, "cmp_1"),
  },
  crisp: {
    body: '{"event":"message:send","website_id":"w1"}',
    headers: async (body, secret) => ({
      "x-crisp-signature": await hex256(secret, `[${NOW_S};${body}]`),
      "x-crisp-request-timestamp": NOW_S,
    }),
    event: event("message:send", null, false, "w1"),
  },
  "customer-io": {
    body: '{"event_id":"01E","object_type":"email","metric":"sent"}',
    toleranceSeconds: 300,
    headers: async (body, secret, sentMs) => ({
      "x-cio-signature": await hex256(secret, `v0:${seconds(sentMs)}:${body}`),
      "x-cio-timestamp": seconds(sentMs),
    }),
    event: event("email.sent", "01E", true),
  },
  stripe: {
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    body: '{"id":"evt_1","type":"charge.succeeded","account":"acct_1"}',
    toleranceSeconds: 300,
    headers: async (body, secret, sentMs) => ({
      "stripe-signature": `t=${seconds(sentMs)},v1=${await hex256(secret, `${seconds(sentMs)}.${body}`)},v0=${"1".repeat(64)}`,
    }),
    event: event("charge.succeeded", "evt_1", true, "acct_1"),
  },
  shopify: {
    body: '{"id":820982911946154508}',
    headers: async (body, secret) => ({
      "x-shopify-hmac-sha256": await base256(secret, body),
      "x-shopify-topic": "orders/create",
      "x-shopify-event-id": "98880550",
      "x-shopify-webhook-id": "b54557e4",
      "x-shopify-shop-domain": "acme.myshopify.com",
    }),
    event: event("orders/create", "98880550", false, "acme.myshopify.com"),
  },
  square: {
    body: '{"merchant_id":"M1","type":"payment.updated","event_id":"e1"}',
    headers: async (body, secret) => ({ "x-square-hmacsha256-signature": await base256(secret, URL_OF_HOOK, body) }),
    event: event("payment.updated", "e1", true, "M1"),
  },
  paddle: {
    body: '{"event_id":"evt_1","event_type":"transaction.paid"}',
    toleranceSeconds: 300,
    headers: async (body, secret, sentMs) => ({
      "paddle-signature": `ts=${seconds(sentMs)};h1=${await hex256(secret, `${seconds(sentMs)}:${body}`)}`,
    }),
    event: event("transaction.paid", "evt_1", true),
  },
  "lemon-squeezy": {
    body: '{"meta":{"event_name":"order_created"},"data":{"attributes":{"store_id":5}}}',
    headers: async (body, secret) => ({ "x-signature": await hex256(secret, body) }),
    event: event("order_created", null, false, "5"),
  },
  xero: {
    body: '{"events":[{"tenantId":"t1","eventType":"UPDATE"},{"tenantId":"t2","eventType":"UPDATE"}],"lastEventSequence":2}',
    headers: async (body, secret) => ({ "x-xero-signature": await base256(secret, body) }),
    event: event("UPDATE", null, false, "t1", "t2"),
  },
  typeform: {
    body: '{"event_id":"e1","event_type":"form_response","form_response":{"form_id":"f1"}}',
    headers: async (body, secret) => ({ "typeform-signature": `sha256=${await base256(secret, body)}` }),
    event: event("form_response", "e1", true, "f1"),
  },
  calendly: {
    body: '{"event":"invitee.created","created_by":"https://api.calendly.com/users/A"}',
    toleranceSeconds: 180,
    headers: async (body, secret, sentMs) => ({
      "calendly-webhook-signature": `t=${seconds(sentMs)},v1=${await hex256(secret, `${seconds(sentMs)}.${body}`)}`,
    }),
    event: event("invitee.created", null, false, "https://api.calendly.com/users/A"),
  },
  "cal-com": {
    body: '{"triggerEvent":"BOOKING_CREATED"}',
    headers: async (body, secret) => ({ "x-cal-signature-256": await hex256(secret, body) }),
    event: event("BOOKING_CREATED", null, false),
  },
  figma: {
    body: `{"event_type":"FILE_UPDATE","passcode":"${SECRET}","webhook_id":22}`,
    headers: async () => ({}),
    event: event("FILE_UPDATE", null, false, "22"),
  },
  airtable: {
    secret: KEY.toBase64(),
    body: '{"base":{"id":"app1"},"webhook":{"id":"ach1"},"timestamp":"2026-02-01T21:25:05.663Z"}',
    headers: async (body) => ({ "x-airtable-content-mac": `hmac-sha256=${await hex256(KEY, body)}` }),
    event: event(null, null, false, "app1"),
  },
  dropbox: {
    body: '{"list_folder":{"accounts":["dbid:1","dbid:2"]},"delta":{"users":[1]}}',
    headers: async (body, secret) => ({ "x-dropbox-signature": await hex256(secret, body) }),
    event: { ...event(null, null, false, "dbid:1", "dbid:2"), alwaysNew: true },
  },
  box: {
    body: '{"trigger":"FILE.UPLOADED","webhook":{"id":"13"}}',
    toleranceSeconds: 600,
    headers: async (body, secret, sentMs) => {
      const sent = new Date(sentMs - 7 * 3_600_000).toISOString().replace(".000Z", "-07:00");
      return {
        "box-signature-primary": await base256("a key that we do not hold", body, sent),
        "box-signature-secondary": await base256(secret, body, sent),
        "box-delivery-timestamp": sent,
        "box-delivery-id": "b-1",
      };
    },
    event: event("FILE.UPLOADED", "b-1", false, "13"),
  },
  "google-watch": {
    body: "",
    headers: async (_body, secret) => ({
      "x-goog-channel-token": secret,
      "x-goog-channel-id": "ch-1",
      "x-goog-message-number": "10",
      "x-goog-resource-state": "exists",
    }),
    event: event("exists", "ch-1.10", false, "ch-1"),
  },
  webflow: {
    body: '{"triggerType":"form_submission","payload":{"siteId":"s1"}}',
    toleranceSeconds: 300,
    headers: async (body, secret, sentMs) => ({
      "x-webflow-signature": await hex256(secret, `${sentMs}:${body}`),
      "x-webflow-timestamp": String(sentMs),
    }),
    event: event("form_submission", null, false, "s1"),
  },
  attio: {
    body: '{"webhook_id":"w","events":[{"event_type":"note.created","id":{"workspace_id":"ws1"}},{"event_type":"note.deleted","id":{"workspace_id":"ws1"}}]}',
    headers: async (body, secret) => ({ "attio-signature": await hex256(secret, body) }),
    event: { ...event(null, null, false, "ws1"), alwaysNew: true },
  },
  workos: {
    body: '{"id":"event_1","event":"dsync.activated","data":{"organization_id":"org_1"}}',
    toleranceSeconds: 300,
    headers: async (body, secret, sentMs) => ({
      "workos-signature": `t=${sentMs}, v1=${await hex256(secret, `${sentMs}.${body}`)}`,
    }),
    event: event("dsync.activated", "event_1", true, "org_1"),
  },
  "standard-webhooks": standard(
    "webhook-",
    '{"type":"invoice.paid"}',
    event("invoice.paid", "msg_p5jXN8AQM9LWM0D4loKWxJek", true),
  ),
  svix: standard("svix-", '{"type":"user.created"}', event("user.created", "msg_p5jXN8AQM9LWM0D4loKWxJek", true)),
};

export function secretOf(provider: ProviderCase): string {
  return provider.secret ?? SECRET;
}
