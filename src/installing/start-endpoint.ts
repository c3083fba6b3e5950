import * as z from "zod/mini";
import { checkAppUrls } from "../authorize/app-urls.ts";
import { authorizeBody, lifetimeMs } from "../authorize/authorize-body.ts";
import { randomText } from "../authorize/flow-secrets.ts";
import { startedAnswer } from "../authorize/started-answer.ts";
import { requireVisibleConnector } from "../connectors/connector-access.ts";
import { findLink } from "../connectors/link-store.ts";
import { loadSnapshot } from "../connectors/snapshot-query.ts";
import { sha256Base64url } from "../crypto/digest.ts";
import { ApiError, unwrap } from "../errors.ts";
import { runtimeEndpoint } from "../http/endpoint.ts";
import { requireComplete, requireInstallable } from "../installations/installable.ts";
import { newId } from "../store/ids.ts";
import { callerScope } from "../tokens/authorize.ts";
import { insertInstall } from "./install-store.ts";

/** An owner who has to be asked takes longer than a user who agrees. */
const USUAL_LIFETIME_MS = 60 * 60_000;

/** A token request's members may be there: an installation is of the whole connector. */
const installBody = z.extend(
  z.pick(authorizeBody, { returnUrl: true, webhook: true, deviceCode: true, expiresInMs: true }),
  {
    tenantId: z.optional(z.string().check(z.minLength(1), z.maxLength(256))),
  },
);

/** `POST /v1/connect/install/{connector}`. */
export const startInstallation = runtimeEndpoint({
  body: installBody,
  bodyOptional: true,
  async handle({ services, caller, params, body, note, defer }) {
    const { db, now, randomBytes } = services;
    const { projectId, environment } = unwrap(callerScope(caller));
    const connector = await requireVisibleConnector(db, caller, params.c);
    const { id: connectorId, uid, type, config } = connector;
    note({ connectorId, connectorUid: uid, connectorType: type });
    const installable = requireInstallable(connector);
    requireComplete(installable);
    const [row, link] = await Promise.all([
      loadSnapshot(db, { ref: connectorId, projectId }),
      findLink(db, connectorId, projectId),
    ]);
    if (row === null || link === null) throw new ApiError("not_found");
    if (link.installations !== null) {
      throw new ApiError("forbidden", {
        message: "The project's link allows certain installations only, so it could not use another. Widen the link.",
      });
    }
    const { returnUrl = null, webhook = null, tenantId = null, expiresInMs = USUAL_LIFETIME_MS } = body;
    unwrap(checkAppUrls({ returnUrl, webhook }, link, environment, services));
    // What would be refused when the browser comes is refused here, where the app can be told why.
    unwrap(installable.installations.installUrl({ config, state: "", tenantId }));

    const verifier = randomText(randomBytes);
    const createdAtMs = now();
    const begun = { id: newId("sci", randomBytes), expiresAtMs: createdAtMs + lifetimeMs(expiresInMs) };
    const isStored = await insertInstall(db, {
      ...begun,
      verifierHash: await sha256Base64url(verifier),
      connectorId,
      projectId,
      linkId: link.id,
      environment,
      asked: { returnUrl, webhook, tenantId, registering: null },
      configRevision: connector.configRevision,
      revokedBeforeMs: row.revoked_before_ms,
      createdAtMs,
    });
    if (!isStored) throw new ApiError("too_many_pending_requests");
    if (webhook !== null) defer(services.nudgeHousekeeper());
    return startedAnswer({ ...begun, verifier }, connector, services);
  },
});
