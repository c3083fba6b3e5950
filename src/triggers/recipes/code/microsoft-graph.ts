import { constantTimeEqual } from "../../../crypto/bytes.ts";
import { sha256 } from "../../../crypto/digest.ts";
import type { Provider } from "../checked-recipe.ts";
import { readEvent } from "../read-event.ts";
import type { Extraction, RecipeContext, Verdict, WebhookRequest } from "../recipe.ts";
import { codeRecipe, refused } from "./code-recipe.ts";
import { asObjects, jsonObject, textIn } from "./json-body.ts";

const EVENT: Extraction = {
  type: [[{ pointer: "/value/*/changeType" }, { pointer: "/value/*/lifecycleEvent" }]],
  id: [],
  tenant: [{ pointer: "/value/*/tenantId" }],
};

/** Microsoft's are a sentence with a request id. Nothing that a browser would take for markup. */
const ECHOED = /^[\w .:,;=+/-]{1,1024}$/;

/**
 * Change notifications are not signed; every one repeats the `clientState` that the subscription was made with, our
 * secret. It is blanked before anything is forwarded. Validation tokens are echoed at any time, since subscriptions last
 * a few days only and are made anew. https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
 */
export const microsoftGraph: Provider = {
  services: ["microsoft-entra", "microsoft-graph", "outlook"],
  recipe: codeRecipe(
    async (request, context) => {
      const token = URL.parse(request.url)?.searchParams.get("validationToken") ?? null;
      return token === null ? judge(request, context) : echo(token, request);
    },
    { strips: ["/value/*/clientState"], acknowledgement: { status: 202, body: "" } },
  ),
};

/** A request with a body is a notification, and is never taken for a validation. */
function echo(token: string, { body }: WebhookRequest): Verdict {
  if (body.length > 0 || !ECHOED.test(token)) return { kind: "refused", status: 400, reason: "handshake_refused" };
  const headers = { "x-content-type-options": "nosniff" };
  return { kind: "handshake", answer: { status: 200, contentType: "text/plain; charset=utf-8", body: token, headers } };
}

async function judge(request: WebhookRequest, { secrets }: RecipeContext): Promise<Verdict> {
  const usable = secrets.filter(({ value }) => value.expose().trim() !== "");
  if (usable.length === 0) return { kind: "misconfigured" };
  const notifications = asObjects(jsonObject(request.body)?.value);
  if (notifications === null) return refused("signature_malformed");
  // All must carry it: one stowaway among genuine ones would be forwarded with them.
  const [state = null, ...others] = new Set(notifications.map((item) => textIn(item, "clientState")));
  if (state === null) return refused("signature_missing");
  if (others.length > 0) return refused("signature_mismatch");
  const given = await sha256(state);
  const matches = await Promise.all(
    usable.map(async ({ value }) => constantTimeEqual(given, await sha256(value.expose()))),
  );
  const matching = usable[matches.indexOf(true)];
  if (matching === undefined) return refused("signature_mismatch");
  // Of a drive, every change is told in the same words, without an id or a time.
  return { kind: "event", event: { ...readEvent(EVENT, request), alwaysNew: true }, secretId: matching.id };
}
