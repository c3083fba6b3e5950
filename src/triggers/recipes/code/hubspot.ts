import { sha256Base64url } from "../../../crypto/digest.ts";
import type { Provider } from "../checked-recipe.ts";
import { dataRecipe } from "../data-recipe.ts";
import { settingTexts } from "../setting-texts.ts";
import { verifyRequest } from "../verify.ts";
import { codeRecipe } from "./code-recipe.ts";
import { jsonObjects } from "./json-body.ts";

const SIGNED = dataRecipe({
  signature: { header: "x-hubspot-signature-v3", algorithm: "hmac-sha256", encoding: "base64" },
  signed: "POST{url}{body}{ts}",
  secret: { encoding: "utf8" },
  timestamp: { source: { header: "x-hubspot-request-timestamp" }, unit: "ms", toleranceSeconds: 300, required: true },
  event: { type: [{ pointer: "/*/subscriptionType" }], id: [], tenant: [{ pointer: "/*/portalId" }] },
  replies: [],
});

/** What HubSpot signs as the character itself, however it was sent; all other escapes stay. */
const DECODED = /%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi;

/**
 * Signature v3 over method, URL, body and time. Requests that have only v1 or v2, which are hashes of secret and body
 * without a time, are refused. https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation
 */
export const hubspot: Provider = {
  services: ["hubspot"],
  settings: { notificationUrl: { required: false, what: "the target URL exactly as it is registered at HubSpot" } },
  recipe: codeRecipe(async (request, context, deps) => {
    const [registeredUrl = request.url] = settingTexts(context.settings, "notificationUrl");
    const notificationUrl = registeredUrl.replace(DECODED, decodeURIComponent);
    const verdict = await verifyRequest(SIGNED, request, { ...context, settings: { notificationUrl } }, deps);
    if (verdict.kind !== "event") return verdict;
    const id = await batchId(request.body);
    return { ...verdict, event: { ...verdict.event, id, idIsSigned: id !== null } };
  }, SIGNED),
};

/** Up to 100 events come at once. Every attempt at a batch has its own number in them, and is the same otherwise. */
async function batchId(body: Uint8Array): Promise<string | null> {
  const events = jsonObjects(body);
  return events && sha256Base64url(JSON.stringify(events.map(({ attemptNumber: _, ...event }) => event)));
}
