import { beforeEach, describe, expect, test } from "vitest";
import { sql } from "../../../../src/store/database.ts";
import { type Ingress, ingress, type TriggerFields } from "../../ingress/hooks.ts";
import { certifiedKey } from "./certificates.ts";
import { type FakeAnswer, hmac, outside, tokenSigner } from "./support.ts";

const SECRET = "b537207f20cbfa02357cf448134da559";
const OTHER = "0123456789abcdef-of-the-attacker";

const answers: Record<string, () => FakeAnswer> = {};
let world: ReturnType<typeof outside>;
let at: Ingress;
beforeEach(async () => {
  for (const url of Object.keys(answers)) delete answers[url];
  world = outside(answers);
  at = await ingress({ fetch: world.deps.fetch });
});

async function connector(provider: string, settings: object = {}, fields: TriggerFields = {}) {
  const made = await at.trigger({ provider, secrets: [], ...fields });
  const recipe = JSON.stringify({ provider, settings });
  await at.services.db.run(sql("UPDATE triggers SET recipe = ? WHERE connector_id = ?", recipe, made.connectorId));
  return made.ingressId;
}

const post = (id: string, body: string | object, headers: Record<string, string> = {}) =>
  at.call(id, { body: typeof body === "string" ? body : JSON.stringify(body), headers });

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await scheduler.wait(1);
}

describe("a connector of Asana", () => {
  test("fault 35 takes the first secret, and no other, whether before or after its first event", async () => {
    const id = await connector("asana", {}, { pendingVerification: true });
    const offer = (secret: string) => post(id, "{}", { "x-hook-secret": secret });
    const answer = await offer(SECRET);
    expect([answer.status, answer.headers.get("x-hook-secret"), answer.text]).toEqual([200, SECRET, ""]);
    for (const other of [await offer(OTHER), await offer(`${SECRET}0`)]) {
      expect([other.status, other.headers.get("x-hook-secret")]).toEqual([401, null]);
    }
    expect((await offer(SECRET)).headers.get("x-hook-secret")).toBe(SECRET);

    const body = '{"events":[{"action":"added"}]}';
    const signed = async (secret: string) =>
      post(id, body, { "x-hook-signature": (await hmac("SHA-256", secret, body)).hex });
    expect((await signed(OTHER)).status).toBe(401);
    expect((await signed(SECRET)).status).toBe(200);
    expect(at.queue.sent).toHaveLength(1);
    await settled();
    // Another isolate, which has not heard of anything yet.
    at = await ingress({ fetch: world.deps.fetch });
    expect((await offer(SECRET)).status).toBe(401);
    expect((await offer(OTHER)).status).toBe(401);
  });
});

describe("a connector of Notion", () => {
  test("fault 33 takes the token once, and forwards nothing that is not signed with it", async () => {
    const id = await connector("notion", {}, { pendingVerification: true });
    expect((await post(id, { verification_token: `secret_${SECRET}` })).status).toBe(200);
    expect((await post(id, { verification_token: `secret_${OTHER}` })).status).toBe(401);
    expect((await post(id, { verification_token: `secret_${OTHER}`, type: "page.created" })).status).toBe(401);
    expect(at.queue.sent).toEqual([]);
    const body = '{"id":"e1","type":"page.created"}';
    const signature = await hmac("SHA-256", `secret_${SECRET}`, body);
    expect((await post(id, body, { "x-notion-signature": `sha256=${signature.hex}` })).status).toBe(200);
    expect(at.queue.last.event).toMatchObject({ type: "page.created", dedupKey: "id:e1", dedupSigned: true });
  });
});

describe("a connector of SNS", () => {
  const TopicArn = "arn:aws:sns:eu-west-1:123456789012:orders";
  const certificate = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem";
  const message = {
    Message: "hello",
    MessageId: "m-1",
    Timestamp: "2027-01-15T08:00:00.000Z",
    TopicArn,
    Type: "Notification",
    SignatureVersion: "2",
    SigningCertURL: certificate,
  };
  const canonical = ["Message", "MessageId", "Timestamp", "TopicArn", "Type"] as const;

  test("W-15 is 503 until the certificate can be had, 401 for evil ones, and calls nobody for those", async () => {
    const aws = await certifiedKey();
    const Signature = await aws.sign(canonical.map((name) => `${name}\n${message[name]}\n`).join(""));
    const id = await connector("aws-sns", { topicArns: [TopicArn] });
    const evil = { ...message, Signature, SigningCertURL: "https://169.254.169.254/SimpleNotificationService-1.pem" };
    expect((await post(id, evil)).status).toBe(401);
    expect(world.urls).toEqual([]);

    answers[certificate] = () => "down";
    const refused = await post(id, { ...message, Signature });
    expect([refused.status, refused.headers.has("retry-after")]).toEqual([503, true]);
    expect(refused.text).not.toContain("amazonaws");
    answers[certificate] = () => aws.certificate;
    at.clock.nowMs += 60_000;
    expect((await post(id, { ...message, Signature })).status).toBe(200);
    expect(at.queue.last.event).toMatchObject({ dedupKey: "id:m-1", tenants: [TopicArn] });
  });
});

describe("a connector of the Bot Framework", () => {
  test("W-09 forwards the activity without the token that brought it", async () => {
    const signer = await tokenSigner("key-1");
    const key = { ...signer.publicJwk, endorsements: ["msteams"] };
    answers["https://login.botframework.com/v1/.well-known/keys"] = () => JSON.stringify({ keys: [key] });
    const id = await connector("bot-framework", { appIds: ["app-1"] });
    const exp = at.clock.nowMs / 1000 + 600;
    const serviceUrl = "https://smba.trafficmanager.net/emea/";
    const claims = { iss: "https://api.botframework.com", aud: "app-1", exp, serviceurl: serviceUrl };
    const activity = { type: "message", id: "1", channelId: "msteams", serviceUrl, conversation: { id: "c" } };
    const answer = await post(id, activity, { authorization: `Bearer ${await signer.sign(claims)}` });
    expect(answer.status).toBe(200);
    expect(at.queue.last.event).toMatchObject({ type: "message", dedupKey: "id:c.1", dedupSigned: false, headers: {} });
    expect((await post(id, activity)).status).toBe(401);
  });
});

describe("a connector of Microsoft Graph", () => {
  test("acknowledges with 202, and keeps its state to itself", async () => {
    const id = await connector("microsoft-graph", {}, { secrets: [{ value: SECRET }] });
    const answer = await post(id, { value: [{ changeType: "created", clientState: SECRET, tenantId: "t" }] });
    expect(answer.status).toBe(202);
    const payload = new TextDecoder().decode(await at.payloadOf(at.queue.last));
    expect(payload).toContain('"changeType":"created"');
    expect(payload).not.toContain(SECRET);
  });

  test("fault 34 W-05 echoes a validation as plain text, and nothing that could be markup", async () => {
    const id = await connector("microsoft-graph", {}, { secrets: [{ value: SECRET }] });
    const validate = (token: string) => at.call(id, { url: `/hooks/${id}?validationToken=${token}` });
    const answer = await validate("Validation%3A+Testing%20request-id%3A+1-2");
    expect([answer.status, answer.text]).toEqual([200, "Validation: Testing request-id: 1-2"]);
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    const hostile = await validate("%3Cscript%3Ealert(1)%3C/script%3E");
    expect(hostile.status).toBe(400);
    expect(hostile.text).not.toContain("script");
  });
});

describe("a connector of Twilio", () => {
  test("fault 31 is signed for the URL at our public origin, by POST and by GET, and answered with TwiML", async () => {
    const id = await connector("twilio", {}, { secrets: [{ value: SECRET }] });
    const url = `${at.services.settings.publicOrigin}/hooks/${id}`;
    const form = await post(id, "Body=x&AccountSid=AC1", {
      "content-type": "application/x-www-form-urlencoded",
      "x-twilio-signature": (await hmac("SHA-1", SECRET, `${url}AccountSidAC1Bodyx`)).base64,
      "i-twilio-idempotency-token": "once",
    });
    expect([form.status, form.headers.get("content-type"), form.text]).toEqual([200, "text/xml", "<Response/>"]);
    expect(at.queue.last.event).toMatchObject({ dedupKey: "id:once", dedupSigned: false, tenants: ["AC1"] });

    const query = "?Body=caf%C3%A9%20x&AccountSid=AC2";
    const signature = (await hmac("SHA-1", SECRET, url + query)).base64;
    const get = await at.call(id, {
      method: "GET",
      url: `/hooks/${id}${query}`,
      headers: { "x-twilio-signature": signature },
    });
    expect(get.status).toBe(200);
    expect(at.queue.last.event).toMatchObject({ tenants: ["AC2"] });
    const again = await at.call(id, {
      method: "GET",
      url: `/hooks/${id}${query}`,
      headers: { "x-twilio-signature": signature },
    });
    expect(again.status).toBe(200);
    const keys = at.queue.sent.map(({ event }) => event.dedupKey);
    expect(new Set(keys).size).toBe(3);
  });
});

describe("a connector of Salesforce", () => {
  test("acknowledges in SOAP, and refuses everybody while no organization is configured", async () => {
    const body = "<notifications><OrganizationId>00D24000000abcd</OrganizationId></notifications>";
    expect((await post(await connector("salesforce-outbound"), body)).status).toBe(503);
    const answer = await post(await connector("salesforce-outbound", { organizationId: "00D24000000abcd" }), body);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/xml"]);
    expect(answer.text).toContain("<Ack>true</Ack>");
  });
});
