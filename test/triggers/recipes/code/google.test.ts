import { describe, expect, test } from "vitest";
import { expectEvent, judge, NOW_MS, outside, refusal, tokenSigner, webhook } from "./support.ts";

const GOOGLE_KEYS = "https://www.googleapis.com/oauth2/v3/certs";
const CHAT = "chat@system.gserviceaccount.com";
const CHAT_KEYS = `https://www.googleapis.com/service_accounts/v1/jwk/${CHAT}`;
const AUDIENCE = "https://connect.example.com/hooks/hook-1";
const ACCOUNT = "pusher@project-1.iam.gserviceaccount.com";
const NOW = NOW_MS / 1000;

const google = await tokenSigner("google-1");
const chat = await tokenSigner("chat-1");

const CLAIMS = {
  iss: "https://accounts.google.com",
  aud: AUDIENCE,
  azp: "113774264463038321964",
  email: ACCOUNT,
  email_verified: true,
  sub: "113774264463038321964",
  iat: NOW,
  exp: NOW + 3600,
};
const PUSH = {
  message: {
    messageId: "2070443601311540",
    publishTime: "2027-01-15T07:59:59.5Z",
    attributes: { eventType: "OBJECT_FINALIZE" },
    data: btoa("{}"),
  },
  subscription: "projects/project-1/subscriptions/push",
};
const CHAT_EVENT = {
  type: "MESSAGE",
  eventTime: "2027-01-15T07:59:59Z",
  message: { name: "spaces/AAA/messages/1" },
  space: { name: "spaces/AAA" },
};

function scene() {
  const world = outside({
    [GOOGLE_KEYS]: () => JSON.stringify({ keys: [google.publicJwk] }),
    [CHAT_KEYS]: () => JSON.stringify({ keys: [chat.publicJwk] }),
  });
  const send = (provider: string, token: string, body: object, settings: Record<string, string>) =>
    judge(provider, webhook({ body, headers: { authorization: `Bearer ${token}` } }), { settings }, world.deps);
  return {
    ...world,
    push: async (claims: object = {}, body: object = PUSH, settings: Record<string, string> = {}) =>
      send("google-pubsub", await google.sign({ ...CLAIMS, ...claims }), body, {
        audience: AUDIENCE,
        serviceAccount: ACCOUNT,
        ...settings,
      }),
    chat: async (claims: object, signer = google, audience = AUDIENCE) =>
      send("google-chat", await signer.sign({ ...CLAIMS, ...claims }), CHAT_EVENT, { audience }),
  };
}

describe("a push of Pub/Sub", () => {
  test("passes for our audience from our account; its id is not signed", async () => {
    const world = scene();
    expect(expectEvent(await world.push())).toEqual({
      type: "OBJECT_FINALIZE",
      tenants: ["projects/project-1/subscriptions/push"],
      id: "2070443601311540",
      idIsSigned: false,
      sentAtMs: Date.UTC(2027, 0, 15, 7, 59, 59, 500),
    });
    expect(world.urls).toEqual([GOOGLE_KEYS]);
  });

  test("of Gmail is about the mailbox that its data names", async () => {
    const data = btoa(JSON.stringify({ emailAddress: "ann@example.com", historyId: 7 }));
    const body = { ...PUSH, message: { messageId: "1", data } };
    expect(expectEvent(await scene().push({}, body))).toMatchObject({ type: null, tenants: ["ann@example.com"] });
  });

  test("fault 45 with data that is nothing readable is about its subscription", async () => {
    for (const data of ["!!!", btoa("["), btoa('{"emailAddress":7}'), 7, undefined]) {
      const body = { ...PUSH, message: { messageId: "1", data } };
      expect(expectEvent(await scene().push({}, body)).tenants).toEqual([PUSH.subscription]);
    }
  });

  test.each([
    ["with the right audience and a foreign e-mail", { email: "mallory@evil.iam.gserviceaccount.com" }],
    ["whose e-mail is not verified", { email_verified: false }],
    ["whose e-mail is said to be verified in words", { email_verified: "true" }],
    ["that does not say whether its e-mail is verified", { email_verified: undefined }],
    ["without an e-mail", { email: undefined }],
    ["whose e-mail is a list", { email: [ACCOUNT] }],
    ["whose e-mail differs in case", { email: ACCOUNT.toUpperCase() }],
    ["for another audience", { aud: "https://other.example.com/" }],
    ["of another issuer", { iss: "https://accounts.google.com.evil.example.com" }],
    ["that has expired", { exp: NOW - 31 }],
  ])("fault 37 is refused with a token %s", async (_, claims) => {
    expect(await scene().push(claims)).toEqual(refusal("token_invalid"));
  });

  test("without a token is refused: a missing header is no permission", async () => {
    const settings = { audience: AUDIENCE, serviceAccount: ACCOUNT };
    const verdict = await judge("google-pubsub", webhook({ body: PUSH }), { settings }, scene().deps);
    expect(verdict).toEqual(refusal("signature_missing"));
  });

  test("passes nowhere while its audience or its account is not configured", async () => {
    for (const settings of [{}, { audience: AUDIENCE }, { serviceAccount: ACCOUNT }]) {
      const verdict = await judge("google-pubsub", webhook({ body: PUSH }), { settings }, scene().deps);
      expect(verdict).toEqual({ kind: "misconfigured" });
    }
  });
});

describe("an event of Google Chat", () => {
  const bot = { email: CHAT };

  test("passes with Chat's own account, and is known by its body alone", async () => {
    expect(expectEvent(await scene().chat(bot))).toEqual({
      type: "MESSAGE",
      tenants: ["spaces/AAA"],
      id: null,
      idIsSigned: false,
      sentAtMs: Date.UTC(2027, 0, 15, 7, 59, 59),
    });
  });

  test("passes with a token that Chat signed itself for our project's number", async () => {
    const world = scene();
    const claims = { iss: CHAT, aud: "1234567890", email: undefined, email_verified: undefined };
    expectEvent(await world.chat(claims, chat, "1234567890"));
    expect(world.urls).toEqual([CHAT_KEYS]);
  });

  test.each([
    ["fault 37 another account's", { email: ACCOUNT }, google],
    ["one for another audience", { ...bot, aud: "https://other.example.com/" }, google],
    ["one that says it is Chat's but is signed by Google's key", { iss: CHAT }, google],
    ["one that says it is Google's but is signed by Chat's key", bot, chat],
  ])("is refused with %s", async (_, claims, signer) => {
    expect(await scene().chat(claims, signer)).toEqual(refusal("token_invalid"));
  });
});
