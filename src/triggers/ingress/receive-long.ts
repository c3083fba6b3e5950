import { startDigest } from "../../crypto/digest.ts";
import { ApiError, type Failure, failureFrom, type Result, unwrap } from "../../errors.ts";
import type { PayloadRef } from "../events/event.ts";
import { LARGEST_BUFFERED_BYTES } from "../recipes/checked-recipe.ts";
import type { ProviderEvent } from "../recipes/recipe.ts";
import { startStreamVerification } from "../recipes/stream-verify.ts";
import { eventRecord } from "./event-record.ts";
import { type Hook, headOf, type Judged, maxBodyBytes, type ReadyTrigger, ready } from "./hook.ts";
import { ingestMessage } from "./ingest-message.ts";
import { journalKey } from "./journal.ts";
import { isRefused, judge } from "./judge.ts";
import { startPayload } from "./payload-writer.ts";
import { wholeBody } from "./received-body.ts";
import { recipeContext, type TriggerConfig } from "./trigger-config.ts";
import { readTriggerConfig } from "./trigger-directory.ts";

/**
 * A body of more than 1 MiB, which is hashed, verified and stored sealed while it comes, with one segment in memory. It
 * cannot be judged twice, so the settings are read before: its upload takes longer than that. Where they could not be
 * read, it is not refused by those in memory, but to be sent again.
 */
export async function receiveLong(
  hook: Hook,
  remembered: ReadyTrigger,
  chunks: AsyncIterable<Result<Uint8Array>>,
): Promise<Judged> {
  const { services, defer, request, url, eventId } = hook;
  const { config, failure } = await currentConfig(hook, remembered);
  const { recipe, teamId, connector } = config;
  const limit = maxBodyBytes(config);
  const head = { method: request.method, url, headers: request.headers };
  const context = recipeContext(config, services.now());
  const verification = recipe.strips.length > 0 ? null : startStreamVerification(recipe, head, context);
  if (verification === null) {
    return judge(hook, config, unwrap(await wholeBody(chunks, Math.min(limit, LARGEST_BUFFERED_BYTES))));
  }

  const writer = startPayload(services, { teamId, connectorId: connector.id, eventId });
  const hash = startDigest("SHA-256");
  let size = 0;
  try {
    for await (const chunk of chunks) {
      const bytes = unwrap(chunk);
      size += bytes.length;
      if (size > limit) throw new ApiError("payload_too_large", { reason: `read=${size}` });
      await Promise.all([verification.write(bytes), hash.write(bytes), writer.write(bytes)]);
    }
    const verdict = await verification.finish();
    if (failure !== null && isRefused(verdict)) throw ApiError.from(failure);
    const keep = async (event: ProviderEvent) => {
      const record = await eventRecord(event, { ...headOf(hook, config), size, digest: await hash.finish() });
      const ref: PayloadRef = await writer.finish();
      return { message: ingestMessage(record, ref, config.journal ? journalKey(eventId) : null), payload: null };
    };
    return { config, verdict, keep, discard: () => writer.abort() };
  } catch (thrown) {
    defer(writer.abort());
    throw thrown;
  }
}

/** As the database has them; those in memory while it does not answer, as for any other event. */
async function currentConfig(
  { ingressId, services, defer, request }: Hook,
  remembered: ReadyTrigger,
): Promise<{ config: ReadyTrigger; failure: Failure | null }> {
  let current: TriggerConfig | null;
  try {
    current = await readTriggerConfig(ingressId, { ...services, defer });
  } catch (thrown) {
    const failure = failureFrom(thrown);
    if (failure.code !== "storage_unavailable") throw thrown;
    return { config: remembered, failure };
  }
  if (current === null) throw new ApiError("not_found");
  return { config: ready(current, request.method), failure: null };
}
