import type { Provider } from "../checked-recipe.ts";
import { dataRecipe } from "../data-recipe.ts";
import { verifyRequest } from "../verify.ts";
import { codeRecipe, handshake } from "./code-recipe.ts";
import { learnOnce } from "./learned-secret.ts";

const SIGNED = dataRecipe({
  signature: { header: "x-hook-signature", algorithm: "hmac-sha256", encoding: "hex" },
  signed: "{body}",
  secret: { encoding: "utf8" },
  // A batch is of many actions; which one it is about, only its body says.
  event: { type: [], id: [], tenant: [] },
  replies: [],
});

/** An empty batch, sent every eight hours: the answer is all that Asana wants. */
const HEARTBEAT = /^\s*\{\s*"events"\s*:\s*\[\s*\]\s*\}\s*$/;

/**
 * While the call that makes a webhook is under way, Asana sends its secret, unsigned, and wants it back in the same
 * header. https://developers.asana.com/docs/webhooks-guide#the-webhook-handshake
 */
export const asana: Provider = {
  services: ["asana"],
  recipe: codeRecipe(
    async (request, context, deps) => {
      const offered = request.headers.get("x-hook-secret");
      if (offered !== null) return learnOnce(offered, context, { "x-hook-secret": offered });
      const verdict = await verifyRequest(SIGNED, request, context, deps);
      const isHeartbeat = request.body.length < 100 && HEARTBEAT.test(new TextDecoder().decode(request.body));
      return verdict.kind === "event" && isHeartbeat ? handshake() : verdict;
    },
    { ...SIGNED, strippedHeaders: ["x-hook-secret"] },
  ),
};
