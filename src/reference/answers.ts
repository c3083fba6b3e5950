import * as z from "zod/mini";
import * as grantShapes from "./grant-shapes.ts";
import * as keyShapes from "./key-shapes.ts";
import * as shapes from "./shapes.ts";
import * as triggers from "./trigger-shapes.ts";

const pagination = z.looseObject({ next: z.nullable(z.string()) });
const page = (name: string, item: z.ZodMiniType) => z.looseObject({ [name]: z.array(item), pagination });

/** What stands in the reference as a component of its own, by name. */
export const COMPONENTS: ReadonlyMap<string, z.ZodMiniType> = new Map(
  Object.entries<z.ZodMiniType>({ ...shapes, ...keyShapes, ...grantShapes, ...triggers }).toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  ),
);

/** The body of each route's answer. Routes that are not here answer without a body, or with what `raw` says. */
export const ANSWERS: Record<string, { status: 200 | 201; body: z.ZodMiniType }> = {
  "GET /health": ok(z.looseObject({ status: z.literal("ok") })),
  "GET /.well-known/openid-configuration": ok(z.looseObject({ issuer: z.string(), jwks_uri: z.string() })),
  "GET /.well-known/jwks.json": ok(keyShapes.JwkSet),
  "POST /v1/setup": created(z.looseObject({ accessToken: z.string(), teamId: z.string() })),
  "GET /v1/team": ok(shapes.Team),
  "POST /v1/access-tokens": created(z.extend(shapes.AccessToken, { token: z.string() })),
  "GET /v1/access-tokens": ok(page("accessTokens", shapes.AccessToken)),
  "POST /v1/projects": created(shapes.Project),
  "GET /v1/projects": ok(page("projects", shapes.Project)),
  "GET /v1/projects/:p": ok(z.extend(shapes.Project, { environments: z.array(shapes.Environment) })),
  "GET /v1/projects/:p/environments": ok(page("environments", shapes.Environment)),
  "POST /v1/projects/:p/environments": created(shapes.Environment),
  "PUT /v1/projects/:p/environments/:id": ok(shapes.Environment),
  "POST /v1/projects/:p/identities": created(shapes.IdentityRule),
  "GET /v1/projects/:p/identities": ok(page("identities", shapes.IdentityRule)),
  "POST /v1/projects/:p/token": ok(z.looseObject({ token: z.string() })),
  "POST /v1/issuers": created(shapes.Issuer),
  "GET /v1/issuers": ok(page("issuers", shapes.Issuer)),
  "PUT /v1/issuers/:id/login": ok(shapes.Issuer),
  "POST /v1/issuer/keys": created(keyShapes.IssuerKey),
  "GET /v1/issuer/keys": ok(z.looseObject({ keys: z.array(keyShapes.IssuerKey) })),
  "GET /v1/keys": ok(keyShapes.KeyRing),
  "POST /v1/keys/reseal": ok(keyShapes.KeyRing),
  "GET /v2/connect/connectors": ok(page("connectors", shapes.Connector)),
  "POST /v1/connect/connectors": created(shapes.Connector),
  "GET /v1/connect/connectors/:c": ok(shapes.ConnectorWithData),
  "PATCH /v2/connect/connectors/:c": ok(
    z.looseObject({
      connector: shapes.Connector,
      reconsentNeeded: z.optional(z.looseObject({ scope: z.literal("user") })),
    }),
  ),
  "GET /v2/connect/connectors/:c/projects": ok(page("projects", shapes.Link)),
  "GET /v2/connect/projects/:p/connectors": ok(page("connectors", shapes.Link)),
  "GET /v1/connect/connectors/:c/projects/:p": ok(shapes.Link),
  "POST /v1/connect/connectors/:c/projects/:p": ok(shapes.Link),
  "GET /v1/connectors/:c/jwks.json": ok(keyShapes.JwkSet),
  "GET /v1/connect/connectors/:c/installations": ok(page("installations", shapes.Installation)),
  "POST /v1/connect/connectors/:c/installations": created(shapes.Installation),
  "GET /v1/connect/connectors/:c/installations/:id": ok(shapes.Installation),
  "GET /v1/connect/connectors/:c/triggers": ok(triggers.Trigger),
  "PUT /v1/connect/connectors/:c/triggers": ok(triggers.Trigger),
  "PATCH /v1/connect/connectors/:c/trigger-destinations": ok(shapes.Connector),
  "POST /v1/connect/connectors/:c/destinations": created(triggers.NewDestination),
  "GET /v1/connect/connectors/:c/destinations": ok(page("destinations", triggers.Destination)),
  "GET /v1/connect/connectors/:c/destinations/:id": ok(triggers.DestinationWithLane),
  "PATCH /v1/connect/connectors/:c/destinations/:id": ok(triggers.DestinationWithSecrets),
  "POST /v1/connect/connectors/:c/destinations/:id/secrets": created(triggers.RotatedSecret),
  "POST /v1/connect/connectors/:c/destinations/:id/test": created(triggers.Delivery),
  "GET /v1/connect/events": ok(page("events", triggers.Event)),
  "GET /v1/connect/events/:id": ok(triggers.EventWithPayload),
  "GET /v1/connect/deliveries": ok(page("deliveries", triggers.Delivery)),
  "GET /v1/connect/deliveries/:id": ok(triggers.DeliveryWithAttempts),
  "POST /v1/connect/deliveries/:id/replay": created(triggers.Delivery),
  "POST /v1/connect/deliveries/:id/cancel": ok(triggers.Delivery),
  "POST /v1/connect/replays": created(triggers.Replay),
  "GET /v1/connect/replays": ok(page("replays", triggers.Replay)),
  "GET /v1/connect/replays/:id": ok(triggers.Replay),
  "GET /v1/connect/dead-letters": ok(page("deadLetters", triggers.DeadLetter)),
  "POST /v1/connect/dead-letters/:id/replay": ok(z.looseObject({ eventId: z.string() })),
  "POST /v2/files": ok(z.looseObject({ urls: z.array(z.string()) })),
  "POST /v1/connect/token/:c": ok(shapes.Token),
  "DELETE /v1/connect/connectors/:c/tokens": ok(shapes.Revocation),
  "GET /v1/connect/connectors/:c/grants": ok(page("grants", grantShapes.Grant)),
  "GET /v1/connect/connectors/:c/grants/:id": ok(grantShapes.GrantWithAuthorization),
  "DELETE /v1/connect/connectors/:c/grants/:id": ok(shapes.Revocation),
  "POST /v1/connect/authorize/:c": ok(shapes.StartedAuthorization),
  "POST /v1/connect/complete": ok(shapes.AuthorizationResult),
  "GET /v1/connect/result/:id": ok(shapes.AuthorizationResult),
  "POST /v1/connect/result": ok(shapes.AuthorizationResult),
  "POST /v1/connect/install/:c": ok(shapes.StartedAuthorization),
};

function ok(body: z.ZodMiniType) {
  return { status: 200, body } as const;
}

function created(body: z.ZodMiniType) {
  return { status: 201, body } as const;
}
