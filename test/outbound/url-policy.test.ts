import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkUrl, MAX_URL_LENGTH, type UrlPolicy } from "../../src/outbound/url-policy.ts";
import { anyText } from "../support/text.ts";

const CLOSED: UrlPolicy = { ownHosts: ["connect.acme.dev"], allowLoopback: false };
const LOOPBACK: UrlPolicy = { ownHosts: ["127.0.0.1:8787"], allowLoopback: true };

const LOOPBACK_URLS = [
  "http://localhost:3000/callback",
  "http://app.localhost:3000/",
  "http://127.0.0.1:40001/token",
  "http://127.8.8.8/",
  "http://[::1]:9000/token",
  "https://localhost/",
  "https://app.localhost/",
  "https://127.0.0.1:8443/",
  // The same listener's neighbour: another port of our own host is another service.
  "http://127.0.0.1:8788/",
];

/** Refused under every policy. */
const HOSTILE_URLS = [
  // IPv4, in every spelling that the parser knows
  ...["10.0.0.1", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "8.8.8.8", "1.2.3"],
  ...["167772161", "0xa000001", "0x0a.0.0.1", "012.0.0.1", "10.1", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376"],
  ...["①⓪.⓪.⓪.①", "10。0。0。1", "１０.０.０.１", "%31%30.0.0.1", "10.0.0.1.", "0", "255.255.255.255"],
  // IPv6, and IPv4 inside it
  ...["[::]", "[fe80::1]", "[fd00:ec2::254]", "[2606:4700:4700::1111]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]"],
  ...["[64:ff9b::a00:1]", "[2002:a00:1::]", "[::127.0.0.1]", "[0:0:0:0:0:ffff:10.0.0.1]"],
  // names that stay inside
  ...["localhost.", "intranet", "api", "printer.local", "db.internal", "metadata.google.internal", "metadata.goog"],
  ...["router.home.arpa", "1.0.0.127.in-addr.arpa", "hidden.onion", "a.test", "a.invalid", "a.example", "nas.lan"],
  ...["www.intranet", "dc.corp", "vault.private", "x.localdomain", "kubernetes.default.svc.cluster.local", "a.home"],
  ...["127.0.0.1.nip.io", "10-0-0-1.sslip.io", "localtest.me", "a.lvh.me", "PRINTER.LOCAL", "ⓛⓞⓒⓐⓛ.ⓛⓞⓒⓐⓛ"],
  ...[
    "a.alt",
    "a.service.consul",
    "a.svc",
    "a.lacolhost.com",
    "local.gd",
    "10.0.0.1.traefik.me",
    "vcap.me",
    "a.xip.io",
  ],
  // names that are none
  ...[
    "api.acme.com.",
    ".acme.com",
    "api..acme.com",
    "-a.acme.com",
    "a-.acme.com",
    "a_b.acme.com",
    "a.b.123a",
    "a.b.c1",
    "a.b.com1",
    "a.b.1com",
  ],
  ...[`${"a".repeat(64)}.com`, `${"a.".repeat(127)}com`, "api.acme.com:8443", "api.acme.com:80", "api.acme.com:22"],
].map((host) => `https://${host}/token`);

const HOSTILE_FORMS = [
  "http://api.acme.com/token",
  "ftp://api.acme.com/",
  "file:///etc/passwd",
  "javascript:alert(1)",
  "data:application/json,{}",
  "ws://api.acme.com/",
  "blob:https://api.acme.com/1",
  "//api.acme.com/token",
  "/token",
  "",
  "api.acme.com",
  "https:api.acme.com",
  "https:/api.acme.com",
  "https:///api.acme.com",
  "https://",
  "https:\\\\api.acme.com",
  "https://api.acme.com\\@10.0.0.1/",
  "https://user@api.acme.com/",
  "https://user:pass@api.acme.com/",
  "https://@api.acme.com/",
  "https://:@api.acme.com/",
  "https://api.acme.com@evil.dev/",
  "https://api.acme.com/#fragment",
  "https://api.acme.com/#",
  " https://api.acme.com/",
  "https://api.acme.com/ ",
  "https://api.acme.com/a b",
  "https://api.acme.com/\u00a0",
  "https://api.acme.com/\u2028",
  "https://api.ac\tme.com/",
  "https://api.acme.com/\r\nhost: evil.dev",
  "https://api.acme.com\0.evil.dev/",
  "\u0000https://api.acme.com/",
  "https://api.acme.com/\u007f",
  `https://api.acme.com/${"a".repeat(MAX_URL_LENGTH)}`,
];

const GOOD_URLS = [
  "https://api.1password.com/v1/token",
  "https://api.acme.com",
  "https://api.acme.com/oauth/token?tenant=a%20b&x=@",
  "https://api.acme.com:443/token",
  "HTTPS://API.Acme.COM/token",
  "https://acme.com/~user/@scope",
  "https://api.acme.com/?next=https://user@acme.com",
  "https://api.acme.com/?next=http:/acme.com",
  "https://xn--mnchen-3ya.de/token",
  "https://münchen.de/token",
  "https://a.xn--p1ai/token",
  "https://login.microsoftonline.com/common/oauth2/v2.0/token",
  "https://internal.acme.com/",
  "https://localhost.acme.com/",
  "https://notlocal.dev/",
  "https://127.acme.com/",
];

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
