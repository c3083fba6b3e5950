import { MAX_URL_LENGTH } from "../../src/outbound/url-policy.ts";

/** Admitted where loopback is. */
export const LOOPBACK_URLS = [
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
export const HOSTILE_URLS = [
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

export const HOSTILE_FORMS = [
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

export const GOOD_URLS = [
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
