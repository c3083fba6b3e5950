import { hello, providers, sentAt } from "./row.ts";

/** Payments, shops and books. */
export const COMMERCE = providers({
  // https://docs.stripe.com/webhooks#verify-manually (the secret is the key as it is shown, `whsec_` included)
  stripe: {
    header: "stripe-signature",
    fields: { separator: ",", pair: "=", key: "v1", timestamp: "t" },
    signed: "{ts}.{body}",
    timestamp: sentAt(null, "s"),
    type: "/type",
    id: "/id",
    tenant: "/account /context",
  },
  // https://shopify.dev/docs/apps/build/webhooks/subscribe/https (only the body is signed)
  shopify: {
    header: "x-shopify-hmac-sha256",
    encoding: "base64",
    type: "x-shopify-topic",
    id: "x-shopify-event-id x-shopify-webhook-id",
    tenant: "x-shopify-shop-domain",
    forwards: "x-shopify-webhook-id x-shopify-triggered-at x-shopify-api-version",
  },
  // https://developer.squareup.com/docs/webhooks/step3validate (the URL as it is registered there)
  square: {
    header: "x-square-hmacsha256-signature",
    encoding: "base64",
    signed: "{url}{body}",
    settings: { notificationUrl: { required: false, what: "the notification URL exactly as it is registered" } },
    type: "/type",
    id: "/event_id",
    tenant: "/merchant_id",
  },
  // https://developer.paddle.com/webhooks/signature-verification
  paddle: {
    header: "paddle-signature",
    fields: { separator: ";", pair: "=", key: "h1", timestamp: "ts" },
    signed: "{ts}:{body}",
    timestamp: sentAt(null, "s"),
    type: "/event_type",
    id: "/event_id",
  },
  // https://docs.lemonsqueezy.com/help/webhooks/signing-requests
  "lemon-squeezy": {
    header: "x-signature",
    type: "/meta/event_name|x-event-name",
    tenant: "/data/attributes/store_id",
  },
  // https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/ ("intent to receive" has no events)
  xero: {
    header: "x-xero-signature",
    encoding: "base64",
    type: "/events/*/eventType",
    tenant: "/events/*/tenantId",
    replies: [
      {
        ...hello("/lastEventSequence"),
        when: [{ pointer: "/lastEventSequence" }, { pointer: "/events/0/eventType", absent: true }],
      },
    ],
  },
});
