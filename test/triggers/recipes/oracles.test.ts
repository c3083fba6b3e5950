import { Webhooks } from "@octokit/webhooks";
import { verifyKey } from "discord-interactions";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/crypto/bytes.ts";
import { DISCORD_KEY, discordHeaders } from "./provider-cases.ts";
import { contextOf, NOW_MS, NOW_S, outcome, post, recipeOf, verify } from "./signing.ts";

// The vendors' own libraries, unmodified: what they sign, we accept; what they accept and we do not is said by name.

const BODIES = ['{"id":"evt_1","type":"x"}', "{}", "ключ → 🔑", " \n", '{"a":"\\u00e9","b":"é"}'];

describe("@octokit/webhooks", () => {
  const github = recipeOf("github");
  const secret = "It's a Secret to Everybody";
  const octokit = new Webhooks({ secret });
  const judged = async (body: string, signature: string) =>
    outcome(await verify(github, post(body, { "x-hub-signature-256": signature }), contextOf([secret])));

  it.each(BODIES)("signs %j as we verify it", async (body) => {
    const signature = await octokit.sign(body);
    expect(await judged(body, signature)).toBe("event");
    expect(await judged(`${body} `, signature)).toBe("401 signature_mismatch");
    expect(await octokit.verify(`${body} `, signature)).toBe(false);
  });

  it("fault 3 fault 6 takes a signature without its prefix, and with junk between its digits; we do not", async () => {
    const [body = ""] = BODIES;
    const digest = (await octokit.sign(body)).slice("sha256=".length);
    const spaced = `sha256=${(digest.match(/../g) ?? []).join(" ")}`;
    expect(await octokit.verify(body, digest)).toBe(true);
    expect(await octokit.verify(body, spaced)).toBe(true);
    expect(await judged(body, digest)).toBe("401 signature_malformed");
    expect(await judged(body, spaced)).toBe("401 signature_malformed");
  });

  it("throws over garbage and over an empty body; we judge them", async () => {
    await expect(octokit.verify("x", "!!!")).rejects.toThrow(TypeError);
    await expect(octokit.verify("", "sha256=00")).rejects.toThrow(TypeError);
    expect(await judged("x", "!!!")).toBe("401 signature_malformed");
    expect(await judged("", "sha256=00")).toBe("401 signature_malformed");
  });
});

describe("standardwebhooks", () => {
  const standard = recipeOf("standard-webhooks");
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  // It knows no clock but its own.
  const now = new Date();
  const context = contextOf([secret], { nowMs: now.getTime() });
  const headersOf = (body: string, id = "msg_1", timestamp = String(Math.floor(now.getTime() / 1000))) => ({
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": new Webhook(secret).sign(id, new Date(Number.parseInt(timestamp, 10) * 1000), body),
  });
  const judged = async (body: string, headers: Record<string, string>) =>
    outcome(await verify(standard, post(body, headers), context));

  it.each(BODIES)("signs %j as we verify it", async (body) => {
    expect(await judged(body, headersOf(body))).toBe("event");
    expect(await judged(`${body} `, headersOf(body))).toBe("401 signature_mismatch");
  });

  it("the headers of Svix are verified the same way", async () => {
    const [body = ""] = BODIES;
    const renamed = Object.entries(headersOf(body)).map(([name, value]) => [name.replace("webhook-", "svix-"), value]);
    const request = post(body, Object.fromEntries(renamed));
    expect(outcome(await verify(recipeOf("svix"), request, context))).toBe("event");
  });

  it("fault 27 W-04 takes an id with a dot, and so one signature for two messages; we do not", async () => {
    const ts = String(Math.floor(now.getTime() / 1000));
    const webhook = new Webhook(secret);
    const dotted = webhook.sign(`a.${ts}`, new Date(Number(ts) * 1000), "x");
    expect(dotted).toBe(webhook.sign("a", new Date(Number(ts) * 1000), `${ts}.x`));
    expect(await judged("x", headersOf("x", `a.${ts}`))).toBe("401 id_malformed");
  });

  it("fault 25 takes a timestamp that ends in letters; we do not", async () => {
    const ts = `${Math.floor(now.getTime() / 1000)}abc`;
    const signed = { ...headersOf("{}", "msg_1", ts), "webhook-timestamp": ts };
    expect(new Webhook(secret).verify("{}", signed)).toEqual({});
    expect(await judged("{}", signed)).toBe("401 timestamp_malformed");
  });
});

describe("stripe", () => {
  const stripe = recipeOf("stripe");
  const client = new Stripe("sk_test_x");
  const secret = "whsec_test_secret";
  const judged = async (body: string, signature: string) =>
    outcome(await verify(stripe, post(body, { "stripe-signature": signature }), contextOf([secret])));
  const header = (payload: string, timestamp = Number(NOW_S)) =>
    client.webhooks.generateTestHeaderStringAsync({
      payload,
      secret,
      timestamp,
      cryptoProvider: Stripe.createSubtleCryptoProvider(),
    });

  it.each(BODIES)("signs %j as we verify it", async (body) => {
    expect(await judged(body, await header(body))).toBe("event");
    expect(await judged(`${body} `, await header(body))).toBe("401 signature_mismatch");
  });

  it("fault 25 takes a timestamp from the future; we do not", async () => {
    const [body = ""] = BODIES;
    const signature = await header(body, Number(NOW_S) + 86_400);
    const provider = Stripe.createSubtleCryptoProvider();
    const at = new Date(NOW_MS).getTime();
    const event = await client.webhooks.constructEventAsync(body, signature, secret, 300, provider, at);
    expect(event.id).toBe("evt_1");
    expect(await judged(body, signature)).toBe("401 timestamp_out_of_range");
  });
});

describe("discord-interactions", () => {
  const discord = recipeOf("discord");

  it.each(BODIES)("takes %j as we do, under the key and not under another body", async (body) => {
    const headers = await discordHeaders(body, NOW_MS);
    const [signature = "", timestamp = ""] = [headers["x-signature-ed25519"], headers["x-signature-timestamp"]];
    for (const text of [body, `${body} `]) {
      const taken = await verifyKey(utf8(text), signature, timestamp, DISCORD_KEY);
      const verdict = await verify(discord, post(text, headers), contextOf([DISCORD_KEY]));
      expect(verdict.kind !== "refused").toBe(taken);
    }
  });
});
