import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Secret } from "../src/crypto/secret.ts";
import { createLogger, type LogFields, type LogLevel } from "../src/log.ts";
import { anyText } from "./support/text.ts";

function logged(fields: LogFields, event = "event"): string {
  const lines: string[] = [];
  createLogger((line) => lines.push(line)).info(event, fields);
  expect(lines).toHaveLength(1);
  return lines[0] ?? "";
}

/** The text that a log viewer would show for one field. */
function shown(text: string): unknown {
  return JSON.parse(logged({ text })).text;
}

describe("a line", () => {
  test("is one JSON object with its level, its event, the base fields and its own", () => {
    const lines: [LogLevel, unknown][] = [];
    const log = createLogger((line, level) => lines.push([level, JSON.parse(line)]), { region: "eu", attempt: 0 });
    log.info("started");
    log.warn("slow", { attempt: 2, elapsedMs: 1.5 });
    log.error("failed", { ok: false, none: null, absent: undefined });
    expect(lines).toEqual([
      ["info", { level: "info", event: "started", region: "eu", attempt: 0 }],
      ["warn", { level: "warn", event: "slow", region: "eu", attempt: 2, elapsedMs: 1.5 }],
      ["error", { level: "error", event: "failed", region: "eu", attempt: 0, ok: false, none: null }],
    ]);
  });

  test("D-09 keeps its own level and event, whatever fields claim", () => {
    const line = JSON.parse(logged({ level: "error", event: "forged", LEVEL: "x" }));
    expect(line).toEqual({ level: "info", event: "event", LEVEL: "x" });
  });

  test("keeps at most 500 characters of a text", () => {
    expect(shown("a b ".repeat(125))).toHaveLength(500);
    const cut = shown("a b ".repeat(126));
    expect(cut).toHaveLength(500);
    expect(cut).toMatch(/…$/);
  });

  test("takes an object that was cast into it for something that cannot be shown", () => {
    const cast = { error: new Error("canary-1") } as unknown as LogFields;
    expect(logged(cast)).not.toContain("canary-1");
  });
});

describe("D-09 text from outside cannot act on whoever reads the log", () => {
  const HOSTILE: [string, string][] = [
    ["a line feed", 'x\n{"level":"error"}'],
    ["a carriage return", "x\r\ny"],
    ["clearing the screen", "\u001b[2J"],
    ["a C1 control sequence", "\u009b2J"],
    ["delete", "\u007f"],
    ["NUL", "\0"],
    ["line separators", "\u2028\u2029\u0085"],
    ["bidi controls", "\u202e\u202d\u2066\u2069\u200f\u200e\u061c"],
    ["invisible characters", "\u200b\u2060\ufeff\u00ad"],
    ["invisible tags beyond the basic plane", "\u{e0041}\u{e007f}"],
    ["an unpaired surrogate", "\ud800"],
    ["closing the JSON string", '","admin":true,"x":"'],
  ];

  test.each(HOSTILE)("%s", (_, text) => {
    for (const line of [logged({ name: text }), logged({ [text]: 1 }), logged({}, text)]) {
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      expect(JSON.parse(line)).not.toHaveProperty("admin");
    }
    // Inert, and still all there.
    expect(JSON.parse(logged({ name: text })).name).toBe(text);
  });

  test("any text stays on one line and reads back as one object", () => {
    fc.assert(
      fc.property(anyText(), anyText(), (name, value) => {
        const line = logged({ [name]: value });
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(JSON.parse(line)).toMatchObject({ level: "info", event: "event" });
      }),
    );
  });
});

describe("C-13 what looks like a credential is not logged", () => {
  const jwt = ["eyJhbGciOiJFUzI1NiJ9", "eyJzdWIiOiJjYW5hcnkifQ", "c2lnbmF0dXJlLWNhbmFyeQ"].join(".");
  const CREDENTIALS: [string, string, string][] = [
    ["a JWT", `got ${jwt} back`, "eyJ"],
    ["the start of a JWT", jwt.slice(0, 30), "eyJ"],
    ["a bearer header", "authorization: bearer canary.42", "canary"],
    ["a basic header", "Basic Y2FuYXJ5OnB3", "Y2FuYXJ5"],
    ["an access token", "vk_canary_1 is wrong", "canary"],
    ["an access token after a quote", 'token:"vk_canary"', "canary"],
    ["a GitHub token", "ghs_canary1 and ghp_canary2", "canary"],
    ["a Slack token", "xoxb-canary-1 xoxe.xoxp-canary-2", "canary"],
    ["a Stripe key", "sk_live_canary1234", "canary"],
    ["a PEM key", "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----", "canary"],
    ["a PEM key without its end", "-----BEGIN RSA PRIVATE KEY-----\ncanary", "canary"],
    ["40 hexadecimal digits", "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "2fd4e1"],
    ["base64 with + and /", "Zm9v+canary/AAAA1Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYg==", "canary"],
    ["43 characters of base64url", "canaryA".padEnd(43, "z"), "canary"],
    ["a query string", "https://a.example/callback?code=canary&state=canary", "canary"],
    ["a form body", "grant_type=refresh_token&refresh_token=canary&client_secret=canary", "canary"],
    ["a URL with a password", "https://user:canary@a.example/", "canary"],
  ];

  test.each(CREDENTIALS)("%s", (_, text, canary) => {
    expect(text).toContain(canary);
    for (const line of [logged({ text }), logged({ [text]: 1 }), logged({}, text)]) {
      expect(line).not.toContain(canary);
      expect(line).toContain("[redacted]");
    }
  });

  test("nor when it is cut by the length limit", () => {
    for (let offset = 440; offset < 500; offset++) {
      const line = logged({ text: `${"a ".repeat(offset / 2)} ${"aB3".repeat(20)}` });
      expect(line).not.toContain("aB3");
    }
  });

  test("a Secret shows that it was there", () => {
    expect(JSON.parse(logged({ value: Secret.of("canary-2") }))).toMatchObject({ value: "[secret]" });
  });

  test.each([
    "token",
    "accessToken",
    "refresh_token",
    "clientSecret",
    "CLIENT_SECRET",
    "password",
    "Authorization",
    "set-cookie",
    "code",
    "connectCode",
    "codeVerifier",
    "verifier",
    "apiKey",
    "privateKey",
    "masterKeys",
    "clientAssertion",
    "sessionId",
    "credentials",
  ])("whatever a field named %s holds is hidden", (name) => {
    expect(JSON.parse(logged({ [name]: "short" }))[name]).toBe("[redacted]");
    expect(JSON.parse(logged({ [name]: 42 }))[name]).toBe("[redacted]");
  });

  test("even where the field is a base field", () => {
    const lines: string[] = [];
    createLogger((line) => lines.push(line), { token: "short" }).info("event");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ token: "[redacted]" });
  });
});

describe("what the operator needs stays readable", () => {
  test("ids and counts whose names only sound like secrets", () => {
    const fields = { tokenId: "stk_0123456789abcdefghjk", errorCode: "key_missing", statusCode: 502, tokensFound: 3 };
    expect(JSON.parse(logged(fields))).toMatchObject(fields);
  });

  test.each([
    "scl_0123456789abcdefghjk",
    "client_installation_required_for_this_connector_again",
    "7b1c3c52-1f7e-4e0a-9c53-0f2c7a4d9f10",
    "/v1/connect/connectors/slack/destinations/and/deliveries/replay",
    "connectors.secrets of scl_0123456789abcdefghjk: key commitment differs",
    "https://issuer.example.com/oauth/.well-known/openid-configuration",
    "The token's issuer is not registered here. Register it, with its exact 'iss' value.",
  ])("%s", (text) => {
    expect(shown(text)).toBe(text);
  });
});
