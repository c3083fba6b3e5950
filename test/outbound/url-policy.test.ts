import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkUrl, MAX_URL_LENGTH, type UrlPolicy } from "../../src/outbound/url-policy.ts";
import { anyText } from "../support/text.ts";
import { GOOD_URLS, HOSTILE_FORMS, HOSTILE_URLS, LOOPBACK_URLS } from "./hostile-urls.ts";

const CLOSED: UrlPolicy = { ownHosts: ["connect.acme.dev"], allowLoopback: false };
const LOOPBACK: UrlPolicy = { ownHosts: ["127.0.0.1:8787"], allowLoopback: true };

describe("E-01 a URL that somebody else chose", () => {
  test.each([...HOSTILE_URLS, ...HOSTILE_FORMS, ...LOOPBACK_URLS])("E-01 %j is refused", (url) => {
    expect(checkUrl(url, CLOSED)).toMatchObject({ ok: false, failure: { code: "url_not_allowed" } });
  });

  test.each([...HOSTILE_URLS, ...HOSTILE_FORMS])("E-01 %j is refused where loopback is allowed, too", (url) => {
    expect(checkUrl(url, LOOPBACK)).toMatchObject({ ok: false, failure: { code: "url_not_allowed" } });
  });

  test.each(GOOD_URLS)("%s on the public internet is allowed", (url) => {
    expect(checkUrl(url, CLOSED)).toMatchObject({ ok: true });
    expect(checkUrl(url, LOOPBACK)).toMatchObject({ ok: true });
  });

  test.each(LOOPBACK_URLS)("%s is allowed only where loopback is", (url) => {
    expect(checkUrl(url, LOOPBACK)).toMatchObject({ ok: true });
    expect(checkUrl(url, CLOSED)).toMatchObject({ ok: false, failure: { code: "url_not_allowed" } });
  });

  test.each([
    "http://user@127.0.0.1/",
    "http://localhost:3000/#x",
    "ftp://localhost/",
    "ws://127.0.0.1:3000/",
    "http://[::ffff:127.0.0.1]/",
    "http://0.0.0.0:3000/",
    "http://localhost.:3000/",
    "http://localhost.acme.com/",
    "http://10.0.0.1/",
    "http:/localhost/",
  ])("E-01 %s is refused although loopback is allowed", (url) => {
    expect(checkUrl(url, LOOPBACK)).toMatchObject({ ok: false, failure: { code: "url_not_allowed" } });
  });

  test.each([
    ["https://someone:hunter2@api.acme.com/path", "The URL must not contain a user name or password."],
    ["https://api.acme.com./", "The URL's host name must not end with a dot."],
    ["https://0x0a.0.0.1/", "The URL must name its host, not give an IP address."],
    ["http://api.acme.com/", "The URL must use https."],
    ["https://db.internal/", "The URL's host name is reserved for private or special use."],
    ["https://connect.acme.dev/", "The URL must not point at this deployment itself."],
    ["https://api.acme.com/".padEnd(2049, "a"), "The URL must not be longer than 2048 characters."],
    ["api.acme.com/token", "The URL is not an absolute URL."],
    ["https://api.acme.com:8443/", "The URL must use the default port, 443."],
    ["https://[2606:4700:4700::1111]/", "The URL must name its host, not give an IP address."],
    ["https://intranet-host/", "The URL's host must be a full DNS name such as api.example.com."],
    ["https://api.acme.com/#a", "The URL must not have a fragment."],
    ["https://api.acme.com/a b", "The URL must not contain spaces or control characters."],
    ["https://api.acme.com\\a", "The URL must not contain backslashes."],
    ["https:/api.acme.com/", "The URL must have exactly two slashes after its scheme."],
  ])("the message about %s names the broken rule and never repeats the URL", (url, message) => {
    expect(checkUrl(url, CLOSED)).toEqual({ ok: false, failure: { code: "url_not_allowed", message } });
  });

  test("the message about a scheme on a loopback host names both that it may be", () => {
    const message = "The URL must use https or, on a loopback host, http.";
    expect(checkUrl("ftp://localhost/", LOOPBACK)).toEqual({
      ok: false,
      failure: { code: "url_not_allowed", message },
    });
  });

  test("a name of exactly 253 characters is one, of 254 not", () => {
    const name = `${"a".repeat(61)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(60)}.dev`;
    expect([name.length, checkUrl(`https://${name}/`, CLOSED).ok]).toEqual([254, false]);
    expect(checkUrl(`https://${name.slice(1)}/`, CLOSED).ok).toBe(true);
  });

  test("the length limit is inclusive", () => {
    const url = "https://api.acme.com/".padEnd(MAX_URL_LENGTH, "a");
    expect(checkUrl(url, CLOSED).ok).toBe(true);
    expect(checkUrl(`${url}a`, CLOSED).ok).toBe(false);
  });
});

describe("E-11 a call to ourselves", () => {
  test("is told by host and port: our loopback port is nobody else's, and our public host's port is not loopback's", () => {
    const ours = (ownHost: string): UrlPolicy => ({ ownHosts: [ownHost], allowLoopback: true });
    expect(checkUrl("http://127.0.0.1:8787/", ours("connect.acme.dev:8787")).ok).toBe(true);
    expect(checkUrl("https://api.acme.com/", ours("127.0.0.1")).ok).toBe(true);
    expect(checkUrl("http://localhost:8787/", ours("127.0.0.1:8787")).ok).toBe(false);
    expect(checkUrl("http://[::1]:8787/", ours("localhost:8787")).ok).toBe(false);
    expect(checkUrl("http://127.0.0.1:8787/", ours("not a host")).ok).toBe(true);
  });

  test.each([
    "https://connect.acme.dev/callback/scl_1",
    "https://CONNECT.acme.dev:443/hooks/1",
    "https://connect.acme.dev./hooks/1",
  ])("E-11 %s is refused", (url) => {
    expect(checkUrl(url, CLOSED)).toMatchObject({ ok: false, failure: { code: "url_not_allowed" } });
  });

  test.each([
    "http://127.0.0.1:8787/hooks/1",
    "https://127.0.0.1:8787/",
    "http://localhost:8787/",
    "http://[::1]:8787/",
    "http://127.1:8787/",
  ])("E-11 %s is refused: every loopback name reaches the listener on that port", (url) => {
    expect(checkUrl(url, LOOPBACK)).toMatchObject({ ok: false, failure: { code: "url_not_allowed" } });
  });

  test("a sibling of our own host is somebody else", () => {
    expect(checkUrl("https://api.acme.dev/", CLOSED).ok).toBe(true);
    expect(checkUrl("https://x.connect.acme.dev/", CLOSED).ok).toBe(true);
  });
});

describe("E-01 whatever the input", () => {
  const host = fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.ipV4Extended(),
    fc.ipV6().map((address) => `[${address}]`),
    fc.constantFrom("localhost", "localhost.", "a.local", "connect.acme.dev", "127.0.0.1:8787", "①.①.①.①", "x"),
    anyText(),
  );
  const scheme = fc.constantFrom(
    "https://",
    "http://",
    "https:",
    "https:/",
    "https:\\\\",
    "HTTPS://",
    "ftp://",
    "",
    " https://",
  );
  const userinfo = fc.constantFrom("", "", "", "@", "user@", "user:pass@", "a%40");
  const port = fc.oneof(
    fc.constant(""),
    fc.constant(""),
    fc.nat(70_000).map((number) => `:${number}`),
  );
  const path = fc.oneof(
    anyText().map((text) => `/${encodeURIComponent(text)}`),
    anyText().map((text) => `/${text}`),
  );
  const rest = fc.constantFrom("", "", "?", "?a=b", "#", "#a", "?a=b#c");
  const text = fc.oneof(
    fc.tuple(scheme, userinfo, host, port, path, rest).map((parts) => parts.join("")),
    fc.tuple(fc.constant("https://"), fc.domain(), path, rest).map((parts) => parts.join("")),
    anyText(),
  );

  test("E-01 what is accepted is https to a public multi-label name on 443 and nothing hidden", () => {
    fc.assert(
      fc.property(text, (raw) => {
        const result = checkUrl(raw, CLOSED);
        if (!result.ok) return;
        const url = result.value;
        expect(url.protocol).toBe("https:");
        expect(url.port).toBe("");
        expect(url.username + url.password + url.hash).toBe("");
        expect(url.hostname).toMatch(/^([a-z0-9-]+\.)+[a-z][a-z0-9-]*[a-z0-9]$/);
        expect(url.hostname).not.toMatch(/(^|\.)(localhost|local|internal|test|onion|arpa)$/);
        expect(url.host).not.toBe("connect.acme.dev");
        expect(checkUrl(url.href, CLOSED).ok).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test("E-01 allowing loopback opens nothing but loopback", () => {
    fc.assert(
      fc.property(text, (raw) => {
        const open = checkUrl(raw, { ...CLOSED, allowLoopback: true });
        if (!open.ok || checkUrl(raw, CLOSED).ok) return;
        expect(open.value.hostname).toMatch(/^((.*\.)?localhost|127\.\d+\.\d+\.\d+|\[::1\])$/);
      }),
      { numRuns: 2000 },
    );
  });
});
