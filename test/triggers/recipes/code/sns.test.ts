import { describe, expect, test } from "vitest";
import { FAILED_FOR_MS, MAX_FETCHES } from "../../../../src/triggers/recipes/code/sns-certificates.ts";
import { certificateOf, certifiedKey } from "./certificates.ts";
import { expectEvent, type FakeAnswer, judge, NOW_MS, outside, refusal, webhook } from "./support.ts";

const TOPIC = "arn:aws:sns:eu-west-1:123456789012:orders";
const CERTIFICATE =
  "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem";
const CONFIRM = `https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=abc`;
const aws = { sha1: await certifiedKey("SHA-1"), sha256: await certifiedKey("SHA-256") };
const mallory = await certifiedKey("SHA-256");

const NOTIFICATION = {
  Type: "Notification",
  MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
  TopicArn: TOPIC,
  Subject: "Order 7",
  Message: '{"order":7,\n"ok":true}',
  Timestamp: "2027-01-15T08:00:00.000Z",
  SignatureVersion: "2",
  SigningCertURL: CERTIFICATE,
};
const CONFIRMATION = {
  Type: "SubscriptionConfirmation",
  MessageId: "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
  TopicArn: TOPIC,
  Token: "abc",
  Message: "You have chosen to subscribe",
  SubscribeURL: CONFIRM,
  Timestamp: "2027-01-15T08:00:00.000Z",
  SignatureVersion: "2",
  SigningCertURL: CERTIFICATE,
};

/** The vendor's canonical text, written down here a second time. */
function canonical(message: Record<string, unknown>): string {
  const names =
    message.Type === "Notification"
      ? ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
      : ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
  return names.flatMap((name) => (message[name] === undefined ? [] : [`${name}\n${message[name]}\n`])).join("");
}

async function signed(message: Record<string, unknown>, key = aws.sha256) {
  return { ...message, Signature: await key.sign(canonical(message)) };
}

function scene(answers: Record<string, () => FakeAnswer | Promise<FakeAnswer>> = {}) {
  const world = outside({ [CERTIFICATE]: () => aws.sha256.certificate, ...answers });
  const settings = { topicArns: [TOPIC] };
  return { ...world, send: (body: object) => judge("aws-sns", webhook({ body }), { settings }, world.deps) };
}

describe("a notification of SNS", () => {
  test("passes, whatever headers it has, and is known by its signed id", async () => {
    const event = expectEvent(await scene().send(await signed(NOTIFICATION)));
    expect(event).toEqual({
      type: "Notification",
      tenants: [TOPIC],
      id: NOTIFICATION.MessageId,
      idIsSigned: true,
      sentAtMs: Date.UTC(2027, 0, 15, 8),
    });
  });

  test("passes without a subject, and by SHA-1 as topics sign by default", async () => {
    const { Subject: _, ...message } = { ...NOTIFICATION, SignatureVersion: "1" };
    const world = scene({ [CERTIFICATE]: () => aws.sha1.certificate });
    expectEvent(await world.send(await signed(message, aws.sha1)));
    expect(world.urls).toEqual([CERTIFICATE]);
  });

  test("fetches the certificate once, for all that follow", async () => {
    const world = scene();
    const body = await signed(NOTIFICATION);
    for (let count = 0; count < 4; count++) expectEvent(await world.send(body));
    expect(world.urls).toEqual([CERTIFICATE]);
    expect(world.limits).toEqual([{ timeoutMs: 5_000, maxBytes: 16_384 }]);
  });

  test.each(["Message", "MessageId", "Subject", "Timestamp", "Type"])(
    "W-01 with another %s is refused",
    async (name) => {
      const body = await signed(NOTIFICATION);
      const verdict = await scene().send({ ...body, [name]: name === "Type" ? "UnsubscribeConfirmation" : "2027x" });
      expect(verdict).toEqual(refusal("signature_mismatch"));
    },
  );

  test("W-02 whose version says another hash than was used is refused", async () => {
    const body = await signed(NOTIFICATION);
    expect(await scene().send({ ...body, SignatureVersion: "1" })).toEqual(refusal("signature_mismatch"));
    expect(await scene().send({ ...body, SignatureVersion: "3" })).toEqual(refusal("signature_malformed"));
  });

  test("W-06 of a topic that is not ours is refused, though AWS has signed it, and nothing is fetched", async () => {
    const world = scene();
    const foreign = await signed({ ...NOTIFICATION, TopicArn: "arn:aws:sns:eu-west-1:999999999999:orders" });
    expect(await world.send(foreign)).toEqual(refusal("token_invalid"));
    expect(world.urls).toEqual([]);
  });

  test("fault 27 W-03 cannot be read anew under another id: nothing but its text may hold line breaks", async () => {
    const genuine = await signed({ ...NOTIFICATION, Message: "a\nMessageId\nb" });
    expectEvent(await scene().send(genuine));
    const reread = { ...genuine, Message: "a", MessageId: `b\nMessageId\n${NOTIFICATION.MessageId}` };
    expect(canonical(reread)).toBe(canonical(genuine));
    expect(await scene().send(reread)).toEqual(refusal("signature_malformed"));
  });

  test("fault 1 fault 2 W-01 without a signature, or with one that is none, is refused", async () => {
    for (const Signature of [undefined, "", "!!!", 7, ["x"], null, "AAAA"]) {
      const verdict = await scene().send({ ...NOTIFICATION, Signature });
      expect(verdict).toEqual(refusal("signature_malformed"));
    }
  });

  test.each(["", "null", "[]", '"x"', "{", `${"[".repeat(10_000)}`, '{"Type":"constructor"}', '{"__proto__":{}}'])(
    "fault 45 in the shape of %.20s is refused",
    async (body) => {
      const verdict = await judge("aws-sns", webhook({ body }), { settings: { topicArns: [TOPIC] } });
      expect(verdict).toEqual(refusal("signature_malformed"));
    },
  );

  test("W-02 passes nowhere while no topic is configured", async () => {
    const body = await signed(NOTIFICATION);
    expect(await judge("aws-sns", webhook({ body }))).toEqual({ kind: "misconfigured" });
  });
});

describe("fault 38 W-15 a certificate is fetched from the topic's region of AWS only", () => {
  const path = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem";
  test.each([
    `https://evil.example.com${path}`,
    `http://sns.eu-west-1.amazonaws.com${path}`,
    "https://169.254.169.254/latest/meta-data",
    "http://169.254.169.254/latest/meta-data",
    `https://sns.us-east-1.amazonaws.com${path}`,
    `https://sns.eu-west-1.amazonaws.com.evil.example.com${path}`,
    `https://sns.eu-west-1.amazonaws.com@evil.example.com${path}`,
    `https://sns.eu-west-1.amazonaws.com\\@evil.example.com${path}`,
    `https://sns.eu-west-1.amazonaws.com:8443${path}`,
    `https://user@sns.eu-west-1.amazonaws.com${path}`,
    `https://evil.sns.eu-west-1.amazonaws.com${path}`,
    `https://sns.eu-west-1.amazonaws.com/bucket/../evil.pem`,
    `https://sns.eu-west-1.amazonaws.com/?Action=GetEvil&x=${path}`,
    `https://sns.eu-west-1.amazonaws.com${path}?x=1`,
    `https://sns.eu-west-1.amazonaws.com/x${path}`,
    "",
    "javascript:alert(1)",
  ])("%s", async (url) => {
    const world = scene();
    const body = await signed({ ...NOTIFICATION, SigningCertURL: url }, mallory);
    expect(await world.send(body)).toEqual(refusal("token_invalid"));
    expect(world.urls).toEqual([]);
  });

  test("and Chinese regions have hosts of their own", async () => {
    const TopicArn = "arn:aws-cn:sns:cn-north-1:123456789012:orders";
    const at = (host: string) => `https://${host}/SimpleNotificationService-a.pem`;
    const world = outside({ [at("sns.cn-north-1.amazonaws.com.cn")]: () => aws.sha256.certificate });
    const send = async (host: string) =>
      judge(
        "aws-sns",
        webhook({ body: await signed({ ...NOTIFICATION, TopicArn, SigningCertURL: at(host) }) }),
        { settings: { topicArns: [TopicArn] } },
        world.deps,
      );
    expectEvent(await send("sns.cn-north-1.amazonaws.com.cn"));
    expect(await send("sns.cn-north-1.amazonaws.com")).toEqual(refusal("token_invalid"));
  });
});

describe("a certificate that cannot be had", () => {
  test.each<FakeAnswer>([
    "down",
    "too large",
    [404, aws.sha256.certificate],
    "<html>",
    certificateOf(new Uint8Array([0x30, 0])),
  ])("(%.9s) is 503, so that AWS sends it again, and is not asked for meanwhile", async (answer) => {
    let current: FakeAnswer = answer;
    const world = scene({ [CERTIFICATE]: () => current });
    const body = await signed(NOTIFICATION);
    expect(await world.send(body)).toEqual(refusal("keys_unavailable", 503));
    current = aws.sha256.certificate;
    expect(await world.send(body)).toEqual(refusal("keys_unavailable", 503));
    expect(world.urls).toHaveLength(1);
    world.time.nowMs += FAILED_FOR_MS;
    expectEvent(await world.send(body));
  });

  test("because it has expired, or is not valid yet, verifies nothing", async () => {
    for (const validity of [{ until: "20270115075959Z" }, { from: "280101000000Z" }]) {
      const world = scene({ [CERTIFICATE]: () => certificateOf(aws.sha256.spki, validity) });
      expect(await world.send(await signed(NOTIFICATION))).toEqual(refusal("keys_unavailable", 503));
    }
    expect(NOW_MS).toBe(Date.UTC(2027, 0, 15, 8));
  });

  test("fault 36 because requests name ever new addresses leaves those alone that are known", async () => {
    const urls = Array.from({ length: 20 }, (_, index) => CERTIFICATE.replace("0123", `aa${index}`));
    const world = scene(Object.fromEntries(urls.map((url) => [url, () => 404])));
    expectEvent(await world.send(await signed(NOTIFICATION)));
    for (const url of urls) {
      const verdict = await world.send(await signed({ ...NOTIFICATION, SigningCertURL: url }, mallory));
      expect(verdict).toEqual(refusal("keys_unavailable", 503));
    }
    expect(world.urls).toHaveLength(MAX_FETCHES);
    expectEvent(await world.send(await signed(NOTIFICATION)));
    world.time.nowMs += 61_000;
    expect(await world.send(await signed({ ...NOTIFICATION, SigningCertURL: urls[19] }))).toEqual(
      refusal("keys_unavailable", 503),
    );
    expect(world.urls).toHaveLength(MAX_FETCHES + 1);
  });
});

describe("a subscription's confirmation", () => {
  test("is answered by asking AWS once, and is no event", async () => {
    const world = scene({ [CONFIRM]: () => "<ConfirmSubscriptionResponse/>" });
    const verdict = await world.send(await signed(CONFIRMATION));
    expect(verdict).toEqual({ kind: "handshake", answer: { status: 200, contentType: null, body: "" } });
    expect(world.urls).toEqual([CERTIFICATE, CONFIRM]);
  });

  test("comes again when AWS does not answer", async () => {
    for (const answer of ["down", 500] as const) {
      const world = scene({ [CONFIRM]: () => answer });
      expect(await world.send(await signed(CONFIRMATION))).toEqual(refusal("keys_unavailable", 503));
    }
  });

  test("W-15 that is not signed by AWS makes us ask nobody", async () => {
    const world = scene({ [CONFIRM]: () => "" });
    expect(await world.send(await signed(CONFIRMATION, mallory))).toEqual(refusal("signature_mismatch"));
    expect(world.urls).toEqual([CERTIFICATE]);
  });

  test.each([
    "https://evil.example.com/?Action=ConfirmSubscription",
    "http://169.254.169.254/latest/meta-data",
    CONFIRM.replace("eu-west-1.amazonaws.com", "eu-west-1.amazonaws.com.evil.example.com"),
    CONFIRM.replace("ConfirmSubscription", "DeleteTopic"),
    CONFIRM.replace(":orders", ":others"),
    "https://sns.eu-west-1.amazonaws.com/",
    "",
  ])("fault 38 W-15 that would have us call %s calls nobody, even signed", async (SubscribeURL) => {
    const world = scene();
    const verdict = await world.send(await signed({ ...CONFIRMATION, SubscribeURL }));
    expect(verdict).toEqual(refusal("handshake_refused"));
    expect(world.urls).toEqual([CERTIFICATE]);
  });

  test("of an end is an event, so that somebody hears of it", async () => {
    const world = scene();
    const event = expectEvent(await world.send(await signed({ ...CONFIRMATION, Type: "UnsubscribeConfirmation" })));
    expect(event.type).toBe("UnsubscribeConfirmation");
    expect(world.urls).toEqual([CERTIFICATE]);
  });
});
