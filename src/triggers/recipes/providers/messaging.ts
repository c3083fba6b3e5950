import type { ReplyRule } from "../spec.ts";
import { ECHO, hello, providers, sentAt, source } from "./row.ts";

/** A Discord interaction of that type (its webhook events, which also have a `type`, name an event). */
function interaction(type: string, body: string, event = true): ReplyRule {
  return {
    method: "POST",
    when: [
      { pointer: "/type", equals: type },
      { pointer: "/event/type", absent: true },
    ],
    contentType: "application/json",
    body,
    ...(event && { event }),
  };
}

/** What Telegram's updates are told apart by: which member is there. */
const TELEGRAM_TYPES = [
  "message/message_id",
  "edited_message/message_id",
  "channel_post/message_id",
  "edited_channel_post/message_id",
  "callback_query/id",
  "inline_query/id",
  "chosen_inline_result/result_id",
  "message_reaction/message_id",
  "poll/id",
  "poll_answer/poll_id",
  "my_chat_member/date",
  "chat_member/date",
  "chat_join_request/date",
  "shipping_query/id",
  "pre_checkout_query/id",
];

/** Chats, meetings and customer support. */
export const MESSAGING = providers({
  // https://docs.slack.dev/authentication/verifying-requests-from-slack
  slack: {
    header: "x-slack-signature",
    prefix: "v0=",
    signed: "v0:{ts}:{body}",
    timestamp: sentAt("x-slack-request-timestamp", "s"),
    type: "/event/type|/type|form:payload/type|form:command",
    id: "/event_id form:trigger_id form:payload/trigger_id",
    tenant:
      "/team_id /team/id form:team_id form:payload/team/id /authorizations/*/team_id /enterprise_id form:payload/enterprise/id",
    replies: [
      {
        method: "POST",
        when: [{ pointer: "/type", equals: "url_verification" }],
        challenge: { pointer: "/challenge" },
        ...ECHO,
      },
      hello("form:ssl_check"),
    ],
    forwards: "x-slack-retry-num x-slack-retry-reason",
  },
  // https://discord.com/developers/docs/interactions/overview, …/docs/events/webhook-events. A bad signature must be 401.
  discord: {
    header: "x-signature-ed25519",
    algorithm: "ed25519",
    secret: { encoding: "hex" },
    signed: "{ts}{body}",
    timestamp: sentAt("x-signature-timestamp", "s"),
    type: "/event/type|/type",
    id: "/id",
    tenant: "/guild_id /event/data/guild/id /application_id",
    replies: [
      interaction("1", '{"type":1}', false),
      {
        method: "POST",
        when: [{ pointer: "/type", equals: "0" }],
        status: 204,
        contentType: "application/json",
        body: "",
      },
      // Within 3 s, or the user sees a failure: "thinking", nothing at all, no choices, "thinking".
      interaction("2", '{"type":5}'),
      interaction("3", '{"type":6}'),
      interaction("4", '{"type":8,"data":{"choices":[]}}'),
      interaction("5", '{"type":5}'),
    ],
    acknowledgement: { status: 204, body: "" },
  },
  // https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-outgoing-webhook
  "teams-outgoing": {
    services: [],
    header: "authorization",
    prefix: "HMAC ",
    encoding: "base64",
    secret: { encoding: "base64" },
    type: "/type",
    id: "/id",
    tenant: "/channelData/tenant/id",
  },
  // https://core.telegram.org/bots/api#setwebhook
  telegram: {
    header: "x-telegram-bot-api-secret-token",
    algorithm: "equality",
    type: TELEGRAM_TYPES.map((path) => `/${path}=${path.split("/")[0]}`).join("|"),
    id: "/update_id",
  },
  // https://developers.zoom.us/docs/api/webhooks/ (asks for the challenge again every 72 hours)
  zoom: {
    header: "x-zm-signature",
    prefix: "v0=",
    signed: "v0:{ts}:{body}",
    timestamp: sentAt("x-zm-request-timestamp", "s"),
    type: "/event",
    tenant: "/payload/account_id",
    replies: [
      {
        method: "POST",
        when: [{ pointer: "/event", equals: "endpoint.url_validation" }],
        challenge: { pointer: "/payload/plainToken" },
        macEncoding: "hex",
        contentType: "application/json",
        body: '{"plainToken":"{challenge}","encryptedToken":"{mac}"}',
      },
    ],
    forwards: "x-zm-trackingid",
  },
  // https://developers.facebook.com/docs/graph-api/webhooks/getting-started
  meta: {
    services: ["meta", "facebook", "instagram", "whatsapp", "messenger"],
    header: "x-hub-signature-256",
    prefix: "sha256=",
    type: "/object /entry/*/changes/*/field",
    tenant: "/entry/*/id",
    settings: { verifyToken: { required: false, what: "the verify token that you give to Meta" } },
    replies: [
      {
        method: "GET",
        when: [{ query: "hub.mode", equals: "subscribe" }],
        token: { source: { query: "hub.verify_token" }, setting: "verifyToken" },
        challenge: { query: "hub.challenge" },
        ...ECHO,
      },
    ],
  },
  // https://docs.x.com/x-api/webhooks/introduction (asks for the answer to a challenge every hour)
  x: {
    services: ["x", "twitter"],
    header: "x-twitter-webhooks-signature",
    prefix: "sha256=",
    encoding: "base64",
    type: ["tweet_create_events", "direct_message_events", "favorite_events"]
      .map((name) => `/${name}/0/id=${name}|/${name}/0/id_str=${name}`)
      .join("|"),
    tenant: "/for_user_id",
    replies: [
      {
        method: "GET",
        when: [source("?crc_token")],
        challenge: { query: "crc_token" },
        macEncoding: "base64",
        contentType: "application/json",
        body: '{"response_token":"sha256={mac}"}',
      },
    ],
  },
  // https://developers.intercom.com/docs/references/webhooks/webhook-models
  intercom: {
    header: "x-hub-signature",
    prefix: "sha1=",
    algorithm: "hmac-sha1",
    type: "/topic",
    id: "/id",
    tenant: "/app_id",
    replies: [hello("/topic", "ping")],
  },
  // https://developer.zendesk.com/documentation/webhooks/verifying/
  zendesk: {
    header: "x-zendesk-webhook-signature",
    encoding: "base64",
    signed: "{ts}{body}",
    timestamp: sentAt("x-zendesk-webhook-signature-timestamp", "iso"),
    type: "/type",
    id: "x-zendesk-webhook-invocation-id",
    tenant: "/account_id x-zendesk-account-id",
  },
  // https://dev.frontapp.com/docs/application-webhooks
  front: {
    header: "x-front-signature",
    encoding: "base64",
    signed: "{ts}:{body}",
    timestamp: sentAt("x-front-request-timestamp", "ms"),
    type: "/type",
    tenant: "/authorization/id",
  },
  // https://docs.crisp.chat/references/web-hooks/v1/ (the unit of its timestamp is not confirmed, so it is not judged)
  crisp: {
    header: "x-crisp-signature",
    signed: "[{ts};{body}]",
    timestamp: sentAt("x-crisp-request-timestamp", "ms", null),
    type: "/event",
    tenant: "/website_id",
  },
  // https://docs.customer.io/journeys/webhooks/
  "customer-io": {
    header: "x-cio-signature",
    signed: "v0:{ts}:{body}",
    timestamp: sentAt("x-cio-timestamp", "s"),
    type: "/object_type /metric",
    id: "/event_id",
  },
});
