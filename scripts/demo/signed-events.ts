import { createHmac, randomUUID } from "node:crypto";

/** A provider's request, signed as that provider signs. */
export interface SignedEvent {
  headers: Record<string, string>;
  body: string;
}

/** https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
export function githubEvent(secret: string, title: string): SignedEvent {
  const body = JSON.stringify({
    action: "opened",
    number: 7,
    pull_request: { title },
    installation: { id: 4711 },
    repository: { full_name: "acme/invoices" },
  });
  const headers = {
    "content-type": "application/json",
    "x-github-event": "pull_request",
    "x-github-delivery": randomUUID(),
    "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
  };
  return { headers, body };
}

/** https://docs.slack.dev/authentication/verifying-requests-from-slack */
export function slackEvent(secret: string, text: string): SignedEvent {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const body = JSON.stringify({
    type: "event_callback",
    team_id: "T0ACME",
    event_id: `Ev${randomUUID().slice(0, 8)}`,
    event: { type: "message", text },
  });
  const signature = createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest("hex");
  const headers = {
    "content-type": "application/json",
    "x-slack-request-timestamp": timestamp,
    "x-slack-signature": `v0=${signature}`,
  };
  return { headers, body };
}
