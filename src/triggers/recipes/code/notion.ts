import type { Provider } from "../checked-recipe.ts";
import { dataRecipe } from "../data-recipe.ts";
import { verifyRequest } from "../verify.ts";
import { codeRecipe } from "./code-recipe.ts";
import { jsonObject, textIn } from "./json-body.ts";
import { learnOnce } from "./learned-secret.ts";

const SIGNED = dataRecipe({
  signature: { header: "x-notion-signature", prefix: "sha256=", algorithm: "hmac-sha256", encoding: "hex" },
  signed: "{body}",
  secret: { encoding: "utf8" },
  event: {
    type: [{ pointer: "/type" }],
    id: [{ pointer: "/id" }],
    tenant: [{ pointer: "/workspace_id" }],
  },
  replies: [],
});

/**
 * A new subscription sends its token, unsigned; from then on it is the key of all signatures, and the operator pastes
 * it back into Notion's page. https://developers.notion.com/reference/webhooks#verifying-a-subscription
 */
export const notion: Provider = {
  services: ["notion"],
  recipe: codeRecipe(
    async (request, context, deps) => {
      // A token beside anything else is from somebody who hopes that nothing but the token is looked at.
      const body = context.pendingVerification ? jsonObject(request.body) : null;
      const token = body !== null && Object.keys(body).length === 1 ? textIn(body, "verification_token") : null;
      return token === null ? verifyRequest(SIGNED, request, context, deps) : learnOnce(token, context);
    },
    { ...SIGNED, returnsSecret: true },
  ),
};
