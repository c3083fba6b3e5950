import * as z from "zod/mini";
import { ApiError, unwrap } from "../../errors.ts";
import { checkUrl, type UrlPolicy } from "../../outbound/url-policy.ts";
import type { Environment } from "../../projects/environment-store.ts";
import type { Services } from "../../services.ts";
import { newId } from "../../store/ids.ts";
import type { StoredDestination } from "./destination-row.ts";
import { newDestinationSecret, sealDestinationSecrets } from "./destination-secrets.ts";
import { destinationUrl } from "./destination-url.ts";
import { branchName, eventFilter, eventGlobs, originPath, retrySchedule, USUAL_RETRY_SCHEDULE } from "./fields.ts";
import type { DatedSecret } from "./signing-secrets.ts";

/** How a destination is served. */
const delivery = {
  events: z.exactOptional(z.nullable(eventGlobs)),
  filter: z.exactOptional(z.nullable(eventFilter)),
  ordered: z.exactOptional(z.boolean()),
  lanes: z.exactOptional(z.int().check(z.gte(1), z.lte(16))),
  retrySchedule: z.exactOptional(retrySchedule),
  timeoutMs: z.exactOptional(z.int().check(z.gte(1000), z.lte(30_000))),
  maxInFlight: z.exactOptional(z.int().check(z.gte(1), z.lte(6))),
  ratePerSecond: z.exactOptional(z.nullable(z.int().check(z.gte(1), z.lte(10_000)))),
  responder: z.exactOptional(z.boolean()),
  enabled: z.exactOptional(z.boolean()),
};
export type Delivery = Required<z.output<z.ZodMiniObject<typeof delivery>>>;

/** What a destination is served like when nothing is said. */
export const USUAL_DELIVERY: Delivery = {
  events: null,
  filter: null,
  ordered: false,
  lanes: 1,
  retrySchedule: USUAL_RETRY_SCHEDULE,
  timeoutMs: 15_000,
  maxInFlight: 5,
  ratePerSecond: null,
  responder: false,
  enabled: true,
};

const url = z.exactOptional(z.string().check(z.minLength(1), z.maxLength(4096)));
const path = z.exactOptional(originPath);

export const CreateDestination = z.strictObject({
  url,
  projectId: z.exactOptional(z.string().check(z.minLength(1), z.maxLength(100))),
  environment: z.exactOptional(z.string().check(z.minLength(1), z.maxLength(64))),
  path,
  branch: z.exactOptional(branchName),
  ...delivery,
});
export type CreateDestination = z.output<typeof CreateDestination>;

/** What may change of a destination: where it is, too, but neither its project nor its audience. */
export const ChangeDestination = z.strictObject({ url, path, ...delivery });
export type ChangeDestination = z.output<typeof ChangeDestination>;

/** A destination as typed clients name it: a project's production, a preview's branch, or a custom environment. */
const typedTarget = {
  path: z.exactOptional(originPath),
  branch: z.exactOptional(branchName),
  customEnvironmentId: z.exactOptional(
    z.string().check(z.regex(/^env_[0-9a-z]+$/, "must be the id (env_…) of a custom environment")),
  ),
};
export const TypedDestination = z.strictObject({
  projectId: z.string().check(z.minLength(1), z.maxLength(100)),
  ...typedTarget,
});
export type TypedDestination = z.output<typeof TypedDestination>;
/** The same at a connector's creation, which may name its project already. */
export const FirstDestination = z.extend(TypedDestination, {
  projectId: z.exactOptional(z.string().check(z.minLength(1), z.maxLength(100))),
});

/** Where a destination is: a URL, or a path at the origin of a project's environment. */
export type Target = { url: string } | { projectId: string; environment: string; branch: string | null; path: string };

/** The parts of a project's target that say which deployment of it is meant. */
export interface Deployment {
  environment: Environment;
  branch: string | null;
  path: string;
}

/** The URL as it will be called. Thrown: `url_not_allowed`. */
export function checkedUrl(given: string, policy: UrlPolicy): string {
  return unwrap(checkUrl(given, policy)).href;
}

/**
 * The target in a project. Thrown: `bad_request` where branch and environment do not go together, `origin_not_configured`
 * where a branch has no template (and, unless `originLater`, where the environment has no origin at all),
 * `url_not_allowed`.
 */
export function checkedTarget(
  { environment, branch, path }: Deployment,
  { policy, originLater }: { policy: UrlPolicy; originLater: boolean },
): Target {
  const { id, origin, projectId } = environment;
  if (branch !== null && id !== "preview") {
    throw new ApiError("bad_request", {
      message: `branch: only preview has branches. Omit it, or send "environment":"preview".`,
    });
  }
  const url = destinationUrl(origin, path, branch);
  if (url === null) {
    const needsBranch = origin !== null && branch === null;
    if (needsBranch) {
      throw new ApiError("bad_request", { message: "branch: is required where preview's origin is a template." });
    }
    if (branch !== null) {
      throw new ApiError("origin_not_configured", {
        message: "preview: its origin is no template with {branch} of which this branch could be a part. Set one.",
      });
    }
    if (!originLater) throw new ApiError("origin_not_configured");
  } else {
    unwrap(checkUrl(url, { ...policy, allowLoopback: policy.allowLoopback || id === "development" }));
  }
  return { projectId, environment: id, branch, path };
}

/**
 * The `aud` of the forward tokens: origin and path of a URL; `project:{id}:{environment}` with the path, and for a preview
 * of a branch `:{branch}` before it. Two destinations of one connector never have the same.
 */
export function audienceOf(target: Target): string {
  if ("url" in target) {
    const { origin, pathname } = new URL(target.url);
    return `${origin}${pathname}`;
  }
  const { projectId, environment, branch, path } = target;
  const deployment = branch === null ? environment : `${environment}:${encodeURIComponent(branch)}`;
  return `project:${projectId}:${deployment}${path.split("?")[0]}`;
}

/** A destination that is to be stored, and its first signing secret, which is shown once. */
export async function newDestination(
  services: Pick<Services, "keys" | "now" | "randomBytes">,
  { connectorId, teamId }: { connectorId: string; teamId: string },
  target: Target,
  { enabled, ...fields }: Delivery,
): Promise<{ destination: StoredDestination; secret: DatedSecret }> {
  const id = newId("dst", services.randomBytes);
  const secret = newDestinationSecret(services);
  const nowMs = services.now();
  const isUrl = "url" in target;
  const storedReason = enabled ? null : "operator";
  const destination = {
    id,
    connectorId,
    givenUrl: isUrl ? target.url : null,
    url: isUrl ? target.url : null,
    projectId: isUrl ? null : target.projectId,
    environment: isUrl ? null : target.environment,
    path: isUrl ? null : target.path,
    branch: isUrl ? null : target.branch,
    audience: audienceOf(target),
    ...fields,
    storedReason,
    disabledReason: storedReason,
    ...(await sealDestinationSecrets(services, teamId, { id, secretsGeneration: 1 }, [secret])),
    revision: 1,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  } satisfies StoredDestination;
  return { destination, secret };
}
