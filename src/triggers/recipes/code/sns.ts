import { utf8 } from "../../../crypto/bytes.ts";
import { verifyRsa } from "../../../crypto/rsa-signature.ts";
import type { Provider, RecipeDeps } from "../checked-recipe.ts";
import { decodeStrictly } from "../decoding.ts";
import type { Verdict } from "../recipe.ts";
import { settingTexts } from "../setting-texts.ts";
import { codeRecipe, handshake, refused } from "./code-recipe.ts";
import { type JsonObject, jsonObject, textIn, timeIn } from "./json-body.ts";
import { type SnsHash, snsKey } from "./sns-certificates.ts";

const TOPIC_ARN = /^arn:(aws|aws-cn|aws-us-gov):sns:([a-z0-9-]{5,32}):\d{12}:[\w-]{1,256}(?:\.fifo)?$/;
const CERTIFICATE_PATH = /^\/SimpleNotificationService-\w{1,64}\.pem$/;
/** Of a key of 2048 bits. */
const MIN_SIGNATURE_BYTES = 256;
/** Nothing with a line break, which would let one text be two fields. */
const ONE_LINE = /^[\x21-\x7e]{1,256}$/;

const NOTIFICATION = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
const CONFIRMATION = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
const SIGNED_FIELDS = new Map([
  ["Notification", NOTIFICATION],
  ["SubscriptionConfirmation", CONFIRMATION],
  ["UnsubscribeConfirmation", CONFIRMATION],
]);
const HASHES = new Map<string, SnsHash>([
  ["1", "SHA-1"],
  ["2", "SHA-256"],
]);

/**
 * Amazon SNS: RSA over a canonical list of fields, by a certificate of the region of the topic. AWS signs for every
 * topic of everybody, so only the configured topics pass. A subscription is confirmed here.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
 */
export const awsSns: Provider = {
  services: ["sns", "aws-sns"],
  settings: { topicArns: { required: true, list: true, pattern: TOPIC_ARN, what: "the ARN of your SNS topic" } },
  recipe: codeRecipe(
    async (request, context, deps) => {
      const topics = settingTexts(context.settings, "topicArns");
      if (topics.length === 0) return { kind: "misconfigured" };
      const message = jsonObject(request.body);
      return message === null ? refused("signature_malformed") : verifyMessage(message, topics, deps);
    },
    { forwardedHeaders: ["x-amz-sns-message-type", "x-amz-sns-message-id", "x-amz-sns-topic-arn"] },
  ),
};

async function verifyMessage(message: JsonObject, topics: readonly string[], deps: RecipeDeps): Promise<Verdict> {
  const type = textIn(message, "Type") ?? "";
  const fields = SIGNED_FIELDS.get(type);
  const hash = HASHES.get(textIn(message, "SignatureVersion") ?? "");
  const signature = decodeStrictly(textIn(message, "Signature") ?? "", "base64");
  const [id, topic, sentAt] = ["MessageId", "TopicArn", "Timestamp"].map((name) => oneLine(message, name));
  if (!fields || !hash || !signature || signature.length < MIN_SIGNATURE_BYTES || !id || !topic || !sentAt)
    return refused("signature_malformed");
  const host = topics.includes(topic) ? hostOf(topic) : null;
  const certificateUrl = awsUrl(textIn(message, "SigningCertURL"), host);
  // Judged before anything is fetched: whoever names the certificate would name the judge.
  if (certificateUrl === null || !CERTIFICATE_PATH.test(certificateUrl.pathname) || certificateUrl.search !== "") {
    return refused("token_invalid");
  }

  const key = await snsKey(certificateUrl.href, hash, deps);
  if (key === null) return refused("keys_unavailable");
  const signed = fields.map((name) => [name, textIn(message, name)] as const).filter(([, value]) => value !== null);
  const canonical = utf8(signed.map(([name, value]) => `${name}\n${value}\n`).join(""));
  if (!(await verifyRsa(key, canonical, signature))) return refused("signature_mismatch");
  if (type === "SubscriptionConfirmation") return confirm(awsUrl(textIn(message, "SubscribeURL"), host), topic, deps);
  return {
    kind: "event",
    event: { type, tenants: [topic], id, idIsSigned: true, sentAtMs: timeIn(message, "Timestamp") },
    secretId: null,
  };
}

/** Asks AWS to begin sending. When it does not answer, the confirmation comes again. */
async function confirm(url: URL | null, topic: string, deps: RecipeDeps): Promise<Verdict> {
  const { searchParams: query } = url ?? { searchParams: new URLSearchParams() };
  const isConfirmation = query.get("Action") === "ConfirmSubscription" && query.get("TopicArn") === topic;
  if (url === null || !isConfirmation) return refused("handshake_refused");
  const response = await deps.fetch({ url: url.href });
  return response.ok && response.value.status === 200 ? handshake() : refused("keys_unavailable");
}

/** Only the topic's own region signs for it. */
function hostOf(topic: string): string | null {
  const [, partition, region] = TOPIC_ARN.exec(topic) ?? [];
  return region === undefined ? null : `sns.${region}.amazonaws.com${partition === "aws-cn" ? ".cn" : ""}`;
}

function awsUrl(text: string | null, host: string | null): URL | null {
  return text !== null && host !== null && text.startsWith(`https://${host}/`) ? URL.parse(text) : null;
}

function oneLine(message: JsonObject, name: string): string | null {
  const value = textIn(message, name);
  return value !== null && ONE_LINE.test(value) ? value : null;
}
