import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, hex, utf8 } from "../../../src/crypto/bytes.ts";
import { type MacHash, startHmac } from "../../../src/crypto/hmac.ts";
import { startStreamVerification } from "../../../src/triggers/recipes/stream-verify.ts";
import { DISCORD_KEY } from "./provider-cases.ts";
import { contextOf, get, hex256, hmac, NOW_S, outcome, post, recipeOf, verify, verifyInPieces } from "./signing.ts";

const SECRET = "8f742231b10e8888abcd99yyyzzz85a5";
const context = contextOf([SECRET, "another"]);

describe("an HMAC in pieces", () => {
  it.each<MacHash>(["SHA-1", "SHA-256", "SHA-512"])(
    "is that of the whole, for %s and keys of any length",
    async (hash) => {
      const key = fc.uint8Array({ minLength: 1, maxLength: 300 });
      await fc.assert(
        fc.asyncProperty(key, fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), async (bytes, pieces) => {
          const stream = await startHmac(new Uint8Array(bytes), hash);
          for (const piece of pieces) await stream.write(new Uint8Array(piece));
          expect(hex(await stream.finish())).toBe(hex(await hmac(hash, new Uint8Array(bytes), concat(...pieces))));
        }),
        { numRuns: 60 },
      );
    },
  );

  it("is what RFC 4231 says for a key longer than a block (test case 6)", async () => {
    const stream = await startHmac(new Uint8Array(131).fill(0xaa), "SHA-256");
    await stream.write(utf8("Test Using Larger Than Block-Size Key - Hash Key First"));
    expect(hex(await stream.finish())).toBe("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  });
});

describe("a body in pieces", () => {
  it("fault 24 of 25 MB is verified, and its values are read, with 64 KiB at a time", async () => {
    const github = recipeOf("github");
    const chunk = utf8(`"${"x".repeat(65_533)}",`);
    const chunks = 400;
    const [head, tail] = [utf8('{"action":"opened","items":['), utf8('0],"installation":{"id":4711}}')];
    const mac = await startHmac(utf8(SECRET), "SHA-256");
    await mac.write(head);
    for (let index = 0; index < chunks; index++) await mac.write(chunk);
    await mac.write(tail);
    const { body: _, ...request } = post("", {
      "x-hub-signature-256": `sha256=${hex(await mac.finish())}`,
      "x-github-event": "push",
    });
    const judge = async (last: Uint8Array) => {
      const stream = startStreamVerification(github, request, context);
      await stream?.write(head);
      for (let index = 0; index < chunks; index++) await stream?.write(chunk);
      await stream?.write(last);
      return stream?.finish();
    };
    expect(await judge(tail)).toMatchObject({
      kind: "event",
      secretId: "s0",
      event: { type: "push.opened", tenants: ["4711"] },
    });
    const forged = await judge(utf8('0],"installation":{"id":4712}}'));
    expect(forged && outcome(forged)).toBe("401 signature_mismatch");
  });

  it("gets the verdict of the whole, however it is cut", async () => {
    const body = '{"event":{"type":"x"},"team_id":"T1","event_id":"é\\u00e9","type":"event_callback"}';
    const slack = recipeOf("slack");
    const headers = {
      "x-slack-request-timestamp": NOW_S,
      "x-slack-signature": `v0=${await hex256(SECRET, `v0:${NOW_S}:${body}`)}`,
    };
    const whole = await verify(slack, post(body, headers), context);
    expect(whole).toMatchObject({ kind: "event", event: { id: "éé" } });
    for (let pieceBytes = 1; pieceBytes < 20; pieceBytes++) {
      expect(await verifyInPieces(slack, post(body, headers), context, pieceBytes)).toEqual(whole);
    }
  });

  it("may be a handshake, or bear an old timestamp", async () => {
    const slack = recipeOf("slack");
    const body = '{"type":"url_verification","challenge":"abc"}';
    const judged = async (ts: string) => {
      const signature = `v0=${await hex256(SECRET, `v0:${ts}:${body}`)}`;
      return verifyInPieces(
        slack,
        post(body, { "x-slack-request-timestamp": ts, "x-slack-signature": signature }),
        context,
        10,
      );
    };
    expect(await judged(NOW_S)).toMatchObject({ kind: "handshake", answer: { body: "abc" } });
    expect(await judged("1700000000")).toMatchObject({ kind: "refused", reason: "timestamp_out_of_range" });
  });

  it("is refused by its head alone, without a look at what comes", async () => {
    const { body: _, ...head } = post("");
    const stream = startStreamVerification(recipeOf("github"), head, context);
    await stream?.write(utf8("[".repeat(100)));
    expect(await stream?.finish()).toMatchObject({ kind: "refused", reason: "signature_missing" });
    const unset = startStreamVerification(recipeOf("github"), head, contextOf([]));
    expect(await unset?.finish()).toEqual({ kind: "misconfigured" });
  });

  it("must be whole for public keys, forms, secrets inside of it, recipes that are code, and challenges", () => {
    const start = (name: string, request: ReturnType<typeof post>, secret = SECRET) => {
      const { body: _, ...head } = request;
      return startStreamVerification(recipeOf(name), head, contextOf([secret]));
    };
    const form = post("", { "content-type": "application/x-www-form-urlencoded" });
    expect(start("discord", post(""), DISCORD_KEY)).toBeNull();
    expect(start("slack", form)).toBeNull();
    expect(start("figma", post(""))).toBeNull();
    expect(start("x", post(""))).toBeNull();
    expect(start("twilio", post(""))).toBeNull();
    expect(start("dropbox", get("?challenge=a"))).toBeNull();
    expect(start("slack", post(""))).not.toBeNull();
  });
});
