import { describe, expect, test } from "vitest";
import { checkReturnUrl, checkWebhookUrl, returnLocation } from "../../src/authorize/return-url.ts";

const rule = { origins: ["https://app.example.com", "https://{branch}.preview.example.com"], allowLoopback: false };
const passes = (url: string, changed: Partial<typeof rule> = {}) => checkReturnUrl(url, { ...rule, ...changed }).ok;

describe("A-11 where users may be sent back to", () => {
  test.for([
    "https://app.example.com",
    "https://app.example.com/",
    "https://app.example.com?x=1",
    "https://app.example.com/connected/%C3%A9?next=%2Fhome&next=2",
    "https://feature-1.preview.example.com/x",
  ])("A-11 admits %s", (url) => {
    expect(passes(url)).toBe(true);
  });

  test.for([
    "//evil.example",
    "/\\evil.example",
    "https:evil.com",
    "https:/app.example.com",
    "https:///app.example.com",
    "https:\\\\app.example.com",
    "https://ok.com@evil.com",
    "https://app.example.com@evil.com/",
    "https://app.example.com:443@evil.com/",
    "https://user@app.example.com/",
    "https://app.example.com.evil.com/",
    "https://app.example.comevil.com/",
    "https://app.example.com:8443/",
    "https://app.example.com:443/",
    "https://APP.example.com/",
    "https://app.example.com./",
    "https://аpp.example.com/",
    "https://ａpp.example.com/",
    "https://app%2eexample.com/",
    "http://app.example.com/",
    "java\nscript:alert(1)",
    "javascript:alert(1)",
    "data:text/html,x",
    "blob:https://app.example.com/x",
    "filesystem:https://app.example.com/x",
    "https://app.example.com/#fragment",
    "https://app.example.com/a\tb",
    " https://app.example.com/",
    "https://app.example.com/\u202e",
    "https://app.example.com/x/../y",
    "https://app.example.com/%2e%2e/y",
    "https://app.example.com/.%2E",
    "https://app.example.com/\ud800",
    "https://a.b.preview.example.com/",
    "https://.preview.example.com/",
    "https://preview.example.com/",
    "https://-x.preview.example.com/",
    "https://evil.com/.preview.example.com",
    `https://${"a".repeat(64)}.preview.example.com/`,
    `https://app.example.com/${"a".repeat(2048)}`,
    "",
  ])("A-11 refuses %j", (url) => {
    expect(checkReturnUrl(url, rule)).toEqual({ ok: false, failure: { code: "invalid_return_url" } });
  });

  test("A-11 loopback counts only where it may, and then by its exact port", () => {
    const origins = ["http://localhost:3000", "http://127.0.0.1:3000"];
    expect(passes("http://localhost:3000/x", { origins })).toBe(false);
    expect(passes("http://localhost:3000/x", { origins, allowLoopback: true })).toBe(true);
    expect(passes("http://localhost:3001/x", { origins, allowLoopback: true })).toBe(false);
    expect(passes("http://127.1:3000/x", { origins, allowLoopback: true })).toBe(false);
    expect(passes("http://0x7f000001:3000/x", { origins, allowLoopback: true })).toBe(false);
  });

  test("A-11 what we say there replaces what was there under the same name", () => {
    const url = "https://app.example.com/back?connect_code=theirs&connect_request=a&connect_request=b&keep=1";
    const back = new URL(returnLocation(url, { request: "sca_1", code: "ours&x=1" }));
    expect([...back.searchParams]).toEqual([
      ["connect_request", "sca_1"],
      ["keep", "1"],
      ["connect_code", "ours&x=1"],
    ]);
    expect(returnLocation(url, { request: "sca_1", code: null })).not.toContain("connect_code");
  });
});

test("A-18 a webhook must be of a listed origin, and one that we may call", () => {
  const policy = { ownHosts: ["connect.example.com"], allowLoopback: false };
  const check = (url: string, origins = ["https://hooks.example.com"]) =>
    checkWebhookUrl(url, { origins, allowLoopback: true }, policy);
  expect(check("https://hooks.example.com/x").ok).toBe(true);
  for (const [url, origins] of [
    ["https://evil.example.com/x"],
    ["http://hooks.example.com/x"],
    ["https://connect.example.com/x", ["https://connect.example.com"]],
    ["http://localhost:3000/x", ["http://localhost:3000"]],
    ["https://10.0.0.1/x", ["https://10.0.0.1"]],
    ["https://metadata.internal/x", ["https://metadata.internal"]],
  ] as [string, string[]?][]) {
    expect([url, check(url, origins)]).toEqual([url, { ok: false, failure: { code: "invalid_webhook_url" } }]);
  }
});
