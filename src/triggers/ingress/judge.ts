import { sha256 } from "../../crypto/digest.ts";
import { ApiError } from "../../errors.ts";
import type { ProviderEvent, Verdict } from "../recipes/recipe.ts";
import { blankPointers } from "../recipes/strip.ts";
import { verifyRequest } from "../recipes/verify.ts";
import { eventRecord } from "./event-record.ts";
import { type Hook, headOf, type Judged, type Kept, type ReadyTrigger, ready } from "./hook.ts";
import { ingestMessage, sealPayload } from "./ingest-message.ts";
import { journalKey } from "./journal.ts";
import { recipeContext } from "./trigger-config.ts";
import { rereadTriggerConfig } from "./trigger-directory.ts";

/** The verdict on a body in memory; one that is not accepted is judged once more if the settings have changed. */
export async function judge(hook: Hook, trigger: ReadyTrigger, body: Uint8Array<ArrayBuffer>): Promise<Judged> {
  const verify = ({ recipe, ...config }: ReadyTrigger) => {
    const { method, headers } = hook.request;
    const context = recipeContext({ ...config, recipe }, hook.services.now());
    return verifyRequest(recipe, { method, url: hook.url, headers, body }, context, hook.services);
  };
  let config = trigger;
  let verdict = await verify(trigger);
  if (isRefused(verdict)) {
    const current = await rereadTriggerConfig(hook.ingressId, trigger, { ...hook.services, defer: hook.defer });
    if (current === null) throw new ApiError("not_found");
    if (current !== undefined) {
      config = ready(current, hook.request.method);
      verdict = await verify(config);
    }
  }
  return { config, verdict, keep: (event) => keepWhole(hook, config, event, body), discard: async () => {} };
}

/** Other settings may have accepted it. */
export function isRefused({ kind }: Verdict): boolean {
  return kind === "refused" || kind === "misconfigured";
}

async function keepWhole(
  hook: Hook,
  config: ReadyTrigger,
  event: ProviderEvent,
  body: Uint8Array<ArrayBuffer>,
): Promise<Kept> {
  const { services, eventId } = hook;
  const payload = config.recipe.strips.length === 0 ? body : blankPointers(body, config.recipe.strips);
  const record = await eventRecord(event, {
    ...headOf(hook, config),
    size: payload.length,
    digest: await sha256(payload),
  });
  const ref = await sealPayload(record, payload, services, config.teamId);
  return { message: ingestMessage(record, ref, config.journal ? journalKey(eventId) : null), payload };
}
