import { Webhooks } from "@octokit/webhooks";
import Stripe from "stripe";
import twilio from "twilio/lib/webhooks/webhooks.js";

// What providers send, signed by their own unmodified packages.

/** A request of a provider that is not sent yet. */
export interface Hook {
  headers: Record<string, string>;
  body: string;
}

const stripe = new Stripe("sk_test_x");

/** An event of GitHub's; `event` as its header names it. */
export async function githubHook(secret: string, payload: object, event = "pull_request"): Promise<Hook> {
  // Spaces, line ends and letters beyond ASCII: whoever parses and writes it again sends other bytes.
  const body = `${JSON.stringify({ ...payload, note: "naïve → 🔑" }, null, 2)}\r\n`;
  const headers = {
    "content-type": "application/json",
    "x-github-event": event,
    "x-github-delivery": crypto.randomUUID(),
    "x-hub-signature-256": await new Webhooks({ secret }).sign(body),
  };
  return { headers, body };
}

export function stripeHook(secret: string, payload: object): Hook {
  const body = JSON.stringify(payload, null, 1);
  const signature = stripe.webhooks.generateTestHeaderString({ payload: body, secret });
  return { headers: { "content-type": "application/json; charset=utf-8", "stripe-signature": signature }, body };
}

export function twilioHook(secret: string, url: string, fields: Record<string, string>): Hook {
  const headers = {
    "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
    "x-twilio-signature": twilio.getExpectedTwilioSignature(secret, url, fields),
    "i-twilio-idempotency-token": crypto.randomUUID(),
  };
  return { headers, body: String(new URLSearchParams(fields)) };
}

/** The status that the provider gets. */
export async function sendHook(ingressUrl: string, { headers, body }: Hook): Promise<number> {
  const answer = await fetch(ingressUrl, { method: "POST", headers, body });
  await answer.arrayBuffer();
  return answer.status;
}
