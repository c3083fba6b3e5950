import type { AccessTokenCaller } from "../callers/caller.ts";
import { base64url, lengthPrefixed } from "../crypto/bytes.ts";
import { sha256, sha256Base64url } from "../crypto/digest.ts";
import { ApiError } from "../errors.ts";
import type { Services } from "../services.ts";
import { findTeam } from "../team/team-store.ts";
import type { Answer } from "./endpoint.ts";
import { claimKey, findKey, keepAnswer, openAnswer, releaseKey } from "./idempotency-store.ts";

const KEY = /^[\x21-\x7e]{1,255}$/;
/** How long a repeat waits for the request that is under way. */
const WAIT_MS = [50, 100, 200, 400, 800];

interface Creation {
  caller: AccessTokenCaller;
  request: Request;
  /** As the route's schema understands it. */
  body: unknown;
}

/**
 * Runs `create` at most once for each `Idempotency-Key` of a caller and path within a day; repeats get its answer.
 * Without the header it just runs. A failure is not kept: its key is free for another try. Thrown: `bad_request` for
 * a malformed key, `conflict` for another body under the same key or while the first request is still under way.
 * Accepted: an invocation that dies after it created something and before it stored the answer leaves the key
 * claimed for a minute, after which a repeat runs again.
 */
export async function createOnce(
  services: Services,
  { caller, request, body }: Creation,
  create: () => Promise<Answer>,
): Promise<Answer> {
  const key = request.headers.get("idempotency-key");
  if (key === null) return create();
  if (!KEY.test(key)) {
    throw new ApiError("bad_request", { message: "Idempotency-Key: must be 1 to 255 printable ASCII characters." });
  }
  const team = await findTeam(services.db);
  if (team === null) throw new ApiError("setup_required");
  const path = new URL(request.url).pathname;
  const id = base64url(await sha256(lengthPrefixed(caller.tokenId, request.method, path, key)));
  const fingerprint = await sha256Base64url(JSON.stringify(body) ?? "");

  const claim = { id, claimedAtMs: services.now() };
  if (!(await claimKey(services, id, claim.claimedAtMs))) return keptAnswer(services, team.id, id, fingerprint);
  let answer: Answer;
  try {
    answer = await create();
  } catch (thrown) {
    // What failed is the creation; a key that cannot be released is free again after its claim.
    await releaseKey(services, claim).catch(() => {});
    throw thrown;
  }
  const kept = { fingerprint, status: 201, body: answer.body, headers: answer.headers ?? {} } as const;
  try {
    await keepAnswer(services, team.id, claim, kept);
  } catch {
    // The thing exists and may have shown a secret: its creator must get the answer whatever becomes of the copy.
    services.log.warn("idempotency.answer_not_kept");
  }
  return answer;
}

async function keptAnswer(services: Services, teamId: string, id: string, fingerprint: string): Promise<Answer> {
  for (const waitMs of [0, ...WAIT_MS]) {
    if (waitMs > 0) await scheduler.wait(waitMs);
    const row = await findKey(services, id);
    if (row === null) break;
    if (row.answerSealed === null) continue;
    const kept = await openAnswer(services, teamId, { id, claimedAtMs: row.claimedAtMs }, row.answerSealed);
    if (kept.fingerprint !== fingerprint) {
      throw new ApiError("conflict", {
        message: "Idempotency-Key: this key was used with another body. Use a new key for a new request.",
      });
    }
    return { status: kept.status, body: kept.body, headers: { ...kept.headers, "idempotency-replayed": "true" } };
  }
  throw new ApiError("conflict", {
    message: "Idempotency-Key: a request with this key is under way or has just failed. Repeat it shortly.",
    retryAfterMs: 1000,
  });
}
