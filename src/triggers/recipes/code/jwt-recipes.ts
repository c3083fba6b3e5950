import type { JWK, JWTPayload } from "jose";
import type { CodeRecipe, Provider, SettingRule } from "../checked-recipe.ts";
import { readEvent } from "../read-event.ts";
import type { Extraction, RecipeContext } from "../recipe.ts";
import { settingTexts } from "../setting-texts.ts";
import { type TokenIssuer, verifyBearer } from "./bearer-token.ts";
import { codeRecipe, refused } from "./code-recipe.ts";
import { asObject, type JsonObject, jsonObject, textIn, timeIn } from "./json-body.ts";

/**
 * A provider that sends a token and signs nothing else. The token says who sends, not what, and serves until it
 * expires: ids in such bodies are not signed, and a stolen token is good for any body.
 */
interface JwtFamily {
  services: readonly string[];
  issuers: readonly TokenIssuer[];
  settings: Readonly<Record<string, SettingRule>>;
  /** The setting of the audiences. */
  audience: string;
  /** Whether a good token speaks for what the body says, and for whom the connector trusts. */
  admits(token: { claims: JWTPayload; key: JWK }, body: JsonObject, settings: RecipeContext["settings"]): boolean;
  event: Extraction;
  /** The text that says when it was sent. */
  sentAt(body: JsonObject): number | null;
  tenantsOf?(body: JsonObject): string[];
  acknowledgement?: { status: 200; contentType: string; body: string };
}

const GOOGLE: TokenIssuer = {
  issuer: "https://accounts.google.com",
  jwksUri: "https://www.googleapis.com/oauth2/v3/certs",
  algorithms: ["RS256"],
  clockToleranceSeconds: 30,
};
const CHAT_SENDER = "chat@system.gserviceaccount.com";

/** https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication#connector-to-bot */
const botFramework: JwtFamily = {
  services: ["microsoft-teams"],
  issuers: [
    {
      issuer: "https://api.botframework.com",
      jwksUri: "https://login.botframework.com/v1/.well-known/keys",
      algorithms: ["RS256", "RS384", "RS512"],
      clockToleranceSeconds: 300,
    },
  ],
  settings: { appIds: { required: true, list: true, pattern: /^[\w-]{1,128}$/, what: "the app id of your bot" } },
  audience: "appIds",
  /** Whose answers the token is for, and on which channel: else a token of one channel would open all of them. */
  admits({ claims, key }, activity) {
    const serviceUrl = textIn(activity, "serviceUrl");
    const channel = textIn(activity, "channelId");
    const endorsements = "endorsements" in key ? key.endorsements : null;
    if (serviceUrl === null || claims.serviceurl !== serviceUrl) return false;
    return channel !== null && Array.isArray(endorsements) && endorsements.includes(channel);
  },
  event: {
    type: [{ pointer: "/type" }, { pointer: "/name" }],
    id: [[{ pointer: "/conversation/id" }, { pointer: "/id" }]],
    tenant: [{ pointer: "/channelData/tenant/id" }, { pointer: "/conversation/tenantId" }],
  },
  sentAt: (activity) => timeIn(activity, "timestamp"),
};

/** Anybody may have Google mint a token for our audience, so the account counts as well. https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions */
const pubSub: JwtFamily = {
  services: ["google-pubsub", "gmail"],
  issuers: [GOOGLE],
  settings: {
    audience: { required: true, what: "the audience of the push subscription" },
    serviceAccount: { required: true, pattern: /^[^\s@]+@[^\s@]+$/, what: "the e-mail of the account that pushes" },
  },
  audience: "audience",
  admits: ({ claims }, _, settings) => isAccount(claims, settingTexts(settings, "serviceAccount")),
  event: {
    type: [[{ pointer: "/message/attributes/eventType" }, { pointer: "/message/attributes/ce-type" }]],
    id: [{ pointer: "/message/messageId" }],
    tenant: [],
  },
  sentAt: (body) => timeIn(asObject(body.message) ?? {}, "publishTime"),
  tenantsOf(body) {
    const mailbox = textIn(gmailNotice(body), "emailAddress");
    const tenant = mailbox ?? textIn(body, "subscription");
    return tenant === null ? [] : [tenant];
  },
};

/** https://developers.google.com/workspace/chat/verify-requests-from-chat */
const googleChat: JwtFamily = {
  services: ["google-chat"],
  issuers: [
    GOOGLE,
    // The audience is then the project's number.
    { ...GOOGLE, issuer: CHAT_SENDER, jwksUri: `https://www.googleapis.com/service_accounts/v1/jwk/${CHAT_SENDER}` },
  ],
  settings: { audience: { required: true, what: "the app's URL or project number, as its settings in Google say" } },
  audience: "audience",
  admits: ({ claims }) => claims.iss === CHAT_SENDER || isAccount(claims, [CHAT_SENDER]),
  event: { type: [{ pointer: "/type" }], id: [], tenant: [{ pointer: "/space/name" }] },
  sentAt: (body) => timeIn(body, "eventTime"),
  // An empty message: the app says nothing.
  acknowledgement: { status: 200, contentType: "application/json", body: "{}" },
};

function isAccount(claims: JWTPayload, accounts: readonly string[]): boolean {
  const { email, email_verified: isVerified } = claims;
  return typeof email === "string" && accounts.includes(email) && isVerified === true;
}

/** What Gmail has Pub/Sub carry: `{"emailAddress","historyId"}` in Base64. */
function gmailNotice(body: JsonObject): JsonObject {
  const data = textIn(asObject(body.message) ?? {}, "data");
  try {
    return jsonObject(Uint8Array.fromBase64(data ?? "")) ?? {};
  } catch {
    return {};
  }
}

function jwtProvider(family: JwtFamily): Provider {
  const { services, settings, acknowledgement } = family;
  const verify: CodeRecipe["verify"] = async (request, context, deps) => {
    const isComplete = Object.keys(settings).every((name) => settingTexts(context.settings, name).length > 0);
    if (!isComplete) return { kind: "misconfigured" };
    const audiences = settingTexts(context.settings, family.audience);
    const token = await verifyBearer(request.headers, family.issuers, audiences, deps);
    if (!token.ok) return refused(token.reason);
    const body = jsonObject(request.body);
    if (body === null || !family.admits(token, body, context.settings)) return refused("token_invalid");
    const read = readEvent(family.event, request);
    const event = { ...read, tenants: family.tenantsOf?.(body) ?? read.tenants, sentAtMs: family.sentAt(body) };
    return { kind: "event", event, secretId: null };
  };
  // The token would open us, and whoever else trusts it, to every destination.
  const facts = { strippedHeaders: ["authorization"], ...(acknowledgement && { acknowledgement }) };
  return { services, settings, recipe: codeRecipe(verify, facts) };
}

export const JWT_RECIPES: Readonly<Record<string, Provider>> = {
  "bot-framework": jwtProvider(botFramework),
  "google-pubsub": jwtProvider(pubSub),
  "google-chat": jwtProvider(googleChat),
};
