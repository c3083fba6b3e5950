/** What each route is for, in one sentence. Here and not with the routes, because the Worker has no use for it. */
export const SUMMARIES: Readonly<Record<string, string>> = {
  "GET /health": "Whether the deployment can serve.",
  "GET /.well-known/openid-configuration": "Metadata of this deployment's own issuer.",
  "GET /.well-known/jwks.json": "Public keys of this deployment's own issuer.",
  "POST /v1/setup": "Claim a fresh deployment with its setup token; answers the first owner's access token, once.",
  "GET /v1/team": "This deployment's team.",
  "POST /v1/access-tokens": "Create an access token; its text is in this answer and nowhere else.",
  "GET /v1/access-tokens": "List access tokens, newest first, without their secrets.",
  "DELETE /v1/access-tokens/:id": "Delete an access token.",
  "GET /v1/keys":
    "The master-key ring by key id: what needs which key, how far re-sealing is, which key may be dropped.",
  "POST /v1/keys/reseal":
    "Re-seal everything under the primary master key, in the background; goes on where it stopped.",
  "POST /v1/projects": "Create a project with the environments production, preview and development.",
  "GET /v1/projects": "List projects by slug.",
  "GET /v1/projects/:p": "One project, by id or slug, with its environments.",
  "GET /v1/projects/:p/environments": "List a project's environments.",
  "POST /v1/projects/:p/environments": "Add a custom environment to a project.",
  "PUT /v1/projects/:p/environments/:id": "Set an environment's origin; without one it is cleared.",
  "DELETE /v1/projects/:p/environments/:id":
    "Delete a custom environment: it leaves every link, and its destinations, identity rules and access tokens go.",
  "POST /v1/projects/:p/identities": "Map an issuer's tokens with exactly these claims to a project and environment.",
  "GET /v1/projects/:p/identities": "List a project's identity rules, newest first.",
  "DELETE /v1/projects/:p/identities/:id": "Delete an identity rule.",
  "POST /v1/projects/:p/token":
    "A workload token for local development, at most 12 hours long and never longer than the access token.",
  "POST /v1/issuers": "Trust an OIDC issuer; its keys are found and pinned now.",
  "GET /v1/issuers": "List trusted issuers.",
  "DELETE /v1/issuers/:id": "Stop trusting an issuer; its identity rules go with it.",
  "PUT /v1/issuers/:id/login": "Let users sign in at a trusted issuer, as a client of it; its endpoints are found now.",
  "DELETE /v1/issuers/:id/login": "Users sign in at this issuer no longer; authorizations that wait for it end.",
  "POST /v1/issuer/keys":
    "Create the own issuer's next key: published now, signing a day later, when the present one retires.",
  "GET /v1/issuer/keys": "List the keys of this deployment's own issuer, the latest to begin first.",
  "DELETE /v1/issuer/keys/:id":
    "Drop one of the own issuer's keys at once: its tokens are refused, and a next key begins to sign now.",
  "GET /v2/connect/connectors": "List the team's connectors.",
  "POST /v1/connect/connectors": "Create a connector, and link it to a project when one is named.",
  "POST /v1/connect/connectors/managed":
    "Have a connector registered at its service through a browser: 422 `registration_required` says where.",
  "GET /v1/connect/connectors/:c":
    "Read a connector; workloads read those that are linked to their project and environment.",
  "PATCH /v2/connect/connectors/:c": "Change a connector.",
  "DELETE /v1/connect/connectors/:c": "Delete a connector with its links, grants and tokens.",
  "GET /v2/connect/connectors/:c/projects": "List the projects that a connector is linked to.",
  "GET /v2/connect/projects/:p/connectors": "List the connectors that are linked to a project.",
  "GET /v1/connect/connectors/:c/projects/:p": "Read the link between a connector and a project.",
  "POST /v1/connect/connectors/:c/projects/:p":
    "Link a connector to a project, or replace the environments of an existing link.",
  "DELETE /v1/connect/connectors/:c/projects/:p":
    "Unlink a connector from a project; its workloads get no token past the lease, and its destinations go.",
  "GET /v1/connectors/:c/jwks.json": "The public keys of a connector that signs its client assertions (RFC 7517 §5).",
  "GET /v1/connect/connectors/:c/installations":
    "List where a connector is installed, oldest first; `search` is part of a name, or an id of the provider.",
  "POST /v1/connect/connectors/:c/installations":
    "Take an installation that exists at the provider; the connector's default where it has none.",
  "GET /v1/connect/connectors/:c/installations/:id":
    "Read an installation, by our id, by the provider's of it or of its tenant, or by the tenant's name.",
  "DELETE /v1/connect/connectors/:c/installations/:id":
    "Forget an installation and end its tokens; with `uninstall=true` it goes at the provider, too.",
  "GET /v1/connect/connectors/:c/triggers":
    "Read what a connector receives from its provider, and where: the ingress URL to register there.",
  "PUT /v1/connect/connectors/:c/triggers":
    "Set what a connector receives from its provider; what is left out stays as it is.",
  "PATCH /v1/connect/connectors/:c/trigger-destinations":
    "Replace the destinations that are a project's production, branches or custom environments; others stay.",
  "POST /v1/connect/connectors/:c/destinations":
    "Add a destination of a connector's events; its signing secret is shown once.",
  "GET /v1/connect/connectors/:c/destinations": "List a connector's destinations.",
  "GET /v1/connect/connectors/:c/destinations/:id": "Read a destination, and how its lanes stand.",
  "PATCH /v1/connect/connectors/:c/destinations/:id":
    "Change a destination; deliveries that wait are sent as it is then.",
  "DELETE /v1/connect/connectors/:c/destinations/:id": "Remove a destination; deliveries that wait are canceled.",
  "POST /v1/connect/connectors/:c/destinations/:id/secrets":
    "Give a destination a new signing secret, shown once; the one before stays valid for a day.",
  "POST /v1/connect/connectors/:c/destinations/:id/test":
    "Send a test event (connect.test) to a destination, through the same log and lane as any other.",
  "GET /v1/connect/events": "List events that were received, newest first. A page may be short although more follow.",
  "GET /v1/connect/events/:id":
    "Read an event. Texts of its payload are masked, but for owners and admins who ask for payload=raw.",
  "GET /v1/connect/deliveries":
    "List deliveries, of the newest events first. A page may be short although more follow.",
  "GET /v1/connect/deliveries/:id": "Read a delivery with its last attempts.",
  "POST /v1/connect/deliveries/:id/replay": "Deliver an event to a destination once more, as a delivery of its own.",
  "POST /v1/connect/deliveries/:id/cancel":
    "Give a pending delivery up; an attempt that is under way may still arrive.",
  "POST /v1/connect/replays": "Deliver many events once more, in the background, at the pace of their destinations.",
  "GET /v1/connect/replays": "List bulk replays.",
  "GET /v1/connect/replays/:id": "Read how far a bulk replay has come.",
  "DELETE /v1/connect/replays/:id": "Cancel a bulk replay; what it has sent off stays.",
  "GET /v1/connect/dead-letters":
    "List messages that could not become events; deliveries that were given up are deliveries of the state dead.",
  "POST /v1/connect/dead-letters/:id/replay":
    "Make a message an event once more; it is no dead letter any more when that succeeds.",
  "POST /v2/files": "Upload a connector's icon as the raw body, its SHA-1 in `x-vercel-digest`.",
  "GET /icons/:digest": "An uploaded icon.",
  "GET /favicon.svg": "The icon of pages whose connector has none.",
  "POST /v1/connect/token/:c": "Get a short-lived provider token for a linked connector.",
  "DELETE /v1/connect/connectors/:c/tokens": "Revoke a connector's tokens, here and at the provider.",
  "GET /v1/connect/connectors/:c/grants": "List a connector's grants: whom it can have tokens for.",
  "GET /v1/connect/connectors/:c/grants/:id": "Read a grant: what its user authorized, and how refreshing it stands.",
  "DELETE /v1/connect/connectors/:c/grants/:id":
    "End a grant: forget its tokens and what its user authorized, and tell the provider.",
  "POST /hooks/:ingressId": "Receive a provider's webhook. The request is verified by the connector's recipe.",
  "GET /hooks/:ingressId": "Receive a provider's webhook. The request is verified by the connector's recipe.",
  "POST /v1/connect/authorize/:c": "Ask a user to authorize a linked connector; the answer has the URL to open.",
  "GET /authorize/:id": "The page on which a user agrees to an authorization, or reads how it ended.",
  "POST /authorize/:id": "What the user decided on that page.",
  "GET /callback/:c": "Where a connector's provider sends users back to: the redirect URI.",
  "GET /login/callback/:id": "Where a trusted issuer sends users back to who signed in before they authorize.",
  "POST /v1/connect/complete": "Complete an authorization with the code that came back in the user's own browser.",
  "GET /v1/connect/result/:id":
    "How an authorization, installation or registration stands, by its verifier; POST keeps that out of addresses.",
  "POST /v1/connect/result": "How an authorization, installation or registration stands, by its verifier.",
  "POST /v1/connect/install/:c":
    "Ask an operator to install a linked connector in a tenant of its provider; the answer has the URL to open.",
  "GET /install/:id": "The page on which an operator agrees to an installation, or reads how it ended.",
  "POST /install/:id": "What the operator decided on that page.",
  "GET /register/:id": "The page on which an operator has a connector registered at its service.",
};
