import * as z from "zod/mini";
import { isRandomText } from "../authorize/flow-secrets.ts";
import { driverOf, implementedTypes } from "../catalog/registry.ts";
import { actorOf } from "../connectors/actor.ts";
import { CreateBody } from "../connectors/connector-fields.ts";
import { checkNewConnector } from "../connectors/create-connector.ts";
import { hex } from "../crypto/bytes.ts";
import { ApiError, unwrap } from "../errors.ts";
import { managementEndpoint } from "../http/endpoint.ts";
import { displayName } from "../http/fields.ts";
import { orConflict } from "../store/conflict.ts";
import { newId } from "../store/ids.ts";
import { INGRESS_ID_BYTES } from "../triggers/settings/change-trigger.ts";
import { insertInstall } from "./install-store.ts";

/** The provider waits an hour for its code to be used. */
const LIFETIME_MS = 60 * 60_000;

const ManagedBody = z.extend(z.omit(CreateBody, { type: true, params: true, draft: true }), {
  service: z.string().check(z.minLength(1), z.maxLength(100)),
  name: displayName,
  /** base64url(SHA-256(verifier)): who has the verifier may ask how it went. */
  request_code: z.string().check(z.refine(isRandomText, { message: "must be 43 characters of base64url" })),
});

/** `POST /v1/connect/connectors/managed`: a connector whose app the operator's browser registers at the provider. */
export const postManagedConnector = managementEndpoint("admin", {
  teamWide: true,
  query: z.object({ autoinstall: z.optional(z.enum(["true", "false"])) }),
  body: ManagedBody,
  async handle({ services, body: { request_code: verifierHash, data, ...fields }, query, caller }) {
    const { db, now, randomBytes, settings, urlPolicy } = services;
    const { service } = fields;
    const driver = implementedTypes.map(driverOf).find((one) => one?.registration?.services.includes(service));
    if (driver?.registration == null) throw new ApiError("registration_unsupported");
    const { type, registration } = driver;
    const body = { ...fields, type, draft: false };
    const plan = unwrap(registration.plan(data ?? {}, urlPolicy));
    const connectorId = newId("scl", randomBytes);
    await checkNewConnector(services, { id: connectorId, type, service }, body);

    const id = newId("sci", randomBytes);
    const createdAtMs = now();
    const registering = {
      type,
      body,
      plan,
      ingressId: hex(randomBytes(INGRESS_ID_BYTES)),
      actor: actorOf(caller),
      autoinstall: query.autoinstall === "true",
    };
    const request = {
      id,
      verifierHash,
      connectorId,
      projectId: null,
      linkId: null,
      environment: null,
      asked: { returnUrl: null, webhook: null, tenantId: null, registering },
      configRevision: null,
      revokedBeforeMs: 0,
      createdAtMs,
      expiresAtMs: createdAtMs + LIFETIME_MS,
    };
    await orConflict(insertInstall(db, request), "request_code: it was used before. Make another verifier.");
    throw new ApiError("registration_required", { registerUrl: `${settings.publicOrigin}/register/${id}` });
  },
});
