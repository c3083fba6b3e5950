import { hex, utf8 } from "../../../crypto/bytes.ts";
import { sha256 } from "../../../crypto/digest.ts";
import type { Provider } from "../checked-recipe.ts";
import { conclude } from "../conclude.ts";
import { dataRecipe } from "../data-recipe.ts";
import { isVerdict, openRequest, signerOf } from "../opened.ts";
import type { Verdict, WebhookRequest } from "../recipe.ts";
import { settingTexts } from "../setting-texts.ts";
import { factsOf } from "../sources.ts";
import { codeRecipe, refused } from "./code-recipe.ts";

const SIGNED = dataRecipe({
  signature: { header: "x-twilio-signature", algorithm: "hmac-sha1", encoding: "base64" },
  signed: "{url}",
  secret: { encoding: "utf8" },
  event: {
    type: [[{ form: "MessageStatus" }, { form: "CallStatus" }, { form: "SmsStatus" }, { form: "EventType" }]],
    // Call and message ids come again with other news; this is one for each request and the same for its repeats.
    id: [{ header: "i-twilio-idempotency-token" }],
    tenant: [{ form: "AccountSid" }, { query: "AccountSid" }],
  },
  replies: [],
});

const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i;

/**
 * The URL as it was called, and the form's fields. A body that is no form is signed by its hash in the URL; one that
 * has neither is not signed at all, and refused. https://www.twilio.com/docs/usage/webhooks/webhooks-security
 */
export const twilio: Provider = {
  services: ["twilio"],
  settings: {
    notificationUrl: {
      required: false,
      pattern: /^https:\/\/[^\s?#]+$/,
      what: "the webhook's URL as Twilio has it, without its query",
    },
  },
  recipe: codeRecipe(
    async (request, context) => {
      const opened = await openRequest(SIGNED.spec, request, context);
      if (isVerdict(opened)) return opened;
      const calledUrl = signedUrl(request.url, settingTexts(context.settings, "notificationUrl")[0]);
      const fields = await signedFields(request, calledUrl);
      for (const url of fields === null ? [] : urlVariants(calledUrl)) {
        const content = { before: utf8(url + fields), after: NOTHING };
        const key = await signerOf({ ...opened, content }, NOTHING);
        if (key !== null)
          return known(await conclude(SIGNED.spec, opened, key, factsOf(request, SIGNED.sources), context));
      }
      return refused("signature_mismatch");
    },
    {
      ...SIGNED,
      methods: ["GET", "POST"],
      // What is not TwiML counts as an error in Twilio's debugger, where it would answer.
      acknowledgement: { status: 200, contentType: "text/xml", body: "<Response/>" },
    },
  ),
};

const NOTHING = new Uint8Array(0);

/** Without its id, a request by GET has nothing to be told by, and a caller who presses 1 twice says it in the same words. */
function known(verdict: Verdict): Verdict {
  const isUnknown = verdict.kind === "event" && verdict.event.id === null;
  return isUnknown ? { ...verdict, event: { ...verdict.event, alwaysNew: true } } : verdict;
}

/** Behind a proxy or a custom domain, Twilio has called, and signed, another origin and path. */
function signedUrl(called: string, registered: string | undefined): string {
  const queryStart = called.indexOf("?");
  const query = queryStart < 0 ? "" : called.slice(queryStart);
  return registered === undefined ? called : registered + query;
}

/** What is signed behind the URL; null when the body is not what the signature covers. */
async function signedFields({ headers, body }: WebhookRequest, url: string): Promise<string | null> {
  const bodyHash = URL.parse(url)?.searchParams.get("bodySHA256") ?? null;
  if (bodyHash !== null) return bodyHash.toLowerCase() === hex(await sha256(body)) ? "" : null;
  if (body.length === 0) return "";
  if (!FORM.test(headers.get("content-type") ?? "")) return null;
  // Grouped in one pass: a stranger's megabyte may hold a hundred thousand names.
  const fields = Map.groupBy(
    new URLSearchParams(new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(body)),
    ([name]) => name,
  );
  return [...fields.keys()]
    .sort()
    .flatMap((name) => [...new Set(fields.get(name)?.map(([, value]) => name + value))].sort())
    .join("");
}

/** Twilio's own signers disagree on whether the default port, and characters such as ', are written out. */
function urlVariants(url: string): string[] {
  const [origin = "", port = ""] = /^https?:\/\/(?:\[[^\]]*\]|[^/:?]*)(:\d+)?/.exec(url) ?? [];
  const rest = url.slice(origin.length);
  const hosts = [origin.slice(0, origin.length - port.length)];
  hosts.push(port === "" ? `${origin}:${url.startsWith("https:") ? 443 : 80}` : origin);
  return [rest, withRewrittenQuery(rest)].flatMap((end) => hosts.map((host) => host + end));
}

/** Names grouped, and escaped as `encodeURIComponent` does. */
function withRewrittenQuery(rest: string): string {
  const queryStart = rest.indexOf("?") + 1;
  if (queryStart === 0 || queryStart === rest.length) return rest;
  const query = new URLSearchParams(rest.slice(queryStart));
  const pairs = [...new Set(query.keys())].flatMap((name) =>
    query.getAll(name).map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
  );
  return rest.slice(0, queryStart) + pairs.join("&");
}
