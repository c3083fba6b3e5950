import { describe, expect, test } from "vitest";
import { parseSettings } from "../../src/bindings.ts";
import { createGuardedFetch } from "../../src/outbound/guarded-fetch.ts";
import { createResolutionCheck, LONGEST_VERDICT_MS } from "../../src/outbound/resolution.ts";

const RESOLVER = "https://dns.example.net/dns-query";
const TARGET = "https://api.acme.dev/token";

type Records = { type: number; TTL: number; data: string }[];
const a = (data: string, TTL = 300) => ({ type: 1, TTL, data });
const aaaa = (data: string, TTL = 300) => ({ type: 28, TTL, data });
const alias = (data: string, TTL = 300) => ({ type: 5, TTL, data });

const PUBLIC = { Status: 0, Answer: [a("93.184.215.14"), aaaa("2606:2800:21f::1")] };
const dnsJson = (body: unknown, init: ResponseInit = {}) =>
  new Response(JSON.stringify(body), { headers: { "content-type": "application/dns-json" }, ...init });

/** A network with a resolver that knows `records` (by type), and hosts that always answer. */
function network(
  options: { records?: Records; resolver?: () => Response | Promise<Response>; loopback?: boolean } = {},
) {
  const { records = [a("93.184.215.14")], resolver, loopback = false } = options;
  const state = { nowMs: 1_000_000, records };
  const queries: URL[] = [];
  const sent: string[] = [];
  const fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const url = new URL(String(input));
    if (url.origin !== new URL(RESOLVER).origin) {
      sent.push(url.href);
      return new Response("{}");
    }
    queries.push(url);
    expect(new Headers(init?.headers).get("accept")).toBe("application/dns-json");
    const type = url.searchParams.get("type") === "A" ? 1 : 28;
    const Answer = state.records.filter((record) => record.type === type || record.type === 5);
    return resolver?.() ?? dnsJson({ Status: 0, ...(Answer.length > 0 && { Answer }) });
  };
  const policy = { ownHosts: [], allowLoopback: loopback };
  const plain = createGuardedFetch({ fetch, policy });
  const checkResolution = createResolutionCheck({
    resolverUrl: RESOLVER,
    fetch: plain,
    policy,
    now: () => state.nowMs,
  });
  return { state, queries, sent, guarded: createGuardedFetch({ fetch, policy, checkResolution }) };
}

const failure = (code: string) => ({ ok: false, failure: expect.objectContaining({ code }) });

describe("before each send", () => {
  test("a host with public addresses is asked for in both families, then called", async () => {
    const { guarded, queries, sent } = network({ records: [a("93.184.215.14"), aaaa("2606:2800:21f::1")] });
    expect(await guarded({ url: TARGET })).toMatchObject({ ok: true });
    expect(queries.map(({ searchParams }) => Object.fromEntries(searchParams))).toEqual([
      { name: "api.acme.dev", type: "A" },
      { name: "api.acme.dev", type: "AAAA" },
    ]);
    expect(sent).toEqual([TARGET]);
  });

  test.for([
    [[a("10.0.0.7")]],
    [[a("169.254.169.254")]],
    [[a("127.0.0.1")]],
    [[aaaa("::1")]],
    [[aaaa("::ffff:10.0.0.1")]],
    [[aaaa("fd00:ec2::254")]],
    [[a("93.184.215.14"), aaaa("fe80::1")]],
    [[a("93.184.215.14"), a("192.168.0.1")]],
    [[alias("inside.acme.dev."), a("100.64.0.1")]],
    [[a("not an address")]],
  ] satisfies [Records][])(
    "E-01 a host that has an address which is not public is not called: %j",
    async ([records]) => {
      const { guarded, sent } = network({ records });
      expect(await guarded({ url: TARGET })).toEqual(failure("url_not_allowed"));
      expect(sent).toEqual([]);
    },
  );

  test("a refusal does not tell where the name leads", async () => {
    const { guarded } = network({ records: [a("10.11.12.13")] });
    expect(JSON.stringify(await guarded({ url: TARGET }))).not.toContain("10.11.12.13");
  });

  test("a name whose only records are aliases is not called", async () => {
    const { guarded, sent } = network({ records: [alias("nowhere.acme.dev.")] });
    expect(await guarded({ url: TARGET })).toEqual(failure("upstream_unreachable"));
    expect(sent).toEqual([]);
  });

  test("E-01 loopback counts as allowed only where the policy admits it", async () => {
    const open = network({ records: [a("127.0.0.1"), aaaa("::1")], loopback: true });
    expect(await open.guarded({ url: TARGET })).toMatchObject({ ok: true });
    const inside = network({ records: [a("10.0.0.1")], loopback: true });
    expect(await inside.guarded({ url: TARGET })).toEqual(failure("url_not_allowed"));
  });

  test("a loopback host that the policy admits is called without asking anyone", async () => {
    const { guarded, queries, sent } = network({ loopback: true });
    expect(await guarded({ url: "http://127.0.0.1:9000/token" })).toMatchObject({ ok: true });
    expect(queries).toEqual([]);
    expect(sent).toEqual(["http://127.0.0.1:9000/token"]);
  });

  test("a URL that the policy refuses is not even resolved", async () => {
    const { guarded, queries } = network();
    expect(await guarded({ url: "https://metadata.internal/" })).toEqual(failure("url_not_allowed"));
    expect(queries).toEqual([]);
  });
});

describe("E-01 nothing is called when the resolver", () => {
  test.for<[string, () => Response | Promise<Response>]>([
    ["cannot be reached", () => Promise.reject(new Error("connection reset"))],
    ["answers with an error status", () => new Response("busy", { status: 503 })],
    ["redirects", () => new Response(null, { status: 302, headers: { location: "https://evil.example.net/" } })],
    ["answers with an error status and public addresses", () => dnsJson(PUBLIC, { status: 503 })],
    ["fails to resolve (SERVFAIL) and has public addresses", () => dnsJson({ ...PUBLIC, Status: 2 })],
    ["answers with HTML", () => new Response("<p>", { headers: { "content-type": "text/html" } })],
    ["answers with other JSON", () => Response.json({ Answer: "93.184.215.14" })],
    ["answers with more than 16 KiB", () => dnsJson({ Status: 0, padding: "x".repeat(20_000) })],
    ["fails to resolve (SERVFAIL)", () => dnsJson({ Status: 2 })],
    ["knows no such name", () => dnsJson({ Status: 3 })],
    ["cut its answer short", () => dnsJson({ Status: 0, TC: true, Answer: [a("93.184.215.14"), aaaa("2606::1")] })],
  ])("%s", async ([, resolver]) => {
    const { guarded, sent } = network({ resolver });
    expect(await guarded({ url: TARGET })).toEqual(failure("upstream_unreachable"));
    expect(sent).toEqual([]);
  });

  test("does not answer within the request's time", async () => {
    const { guarded, sent } = network({ resolver: () => new Promise(() => {}) });
    expect(await guarded({ url: TARGET, timeoutMs: 20 })).toEqual(failure("upstream_timeout"));
    expect(sent).toEqual([]);
  });
});

test("a family that does not exist leaves the other to be judged", async () => {
  let asked = 0;
  const { guarded, sent } = network({ resolver: () => dnsJson(asked++ === 0 ? PUBLIC : { Status: 3 }) });
  expect(await guarded({ url: TARGET })).toMatchObject({ ok: true });
  expect(sent).toEqual([TARGET]);
});

test("the log is told why a name was not called, by the host and by numbers", async () => {
  const reasonWith = async (resolver: () => Response | Promise<Response>) => {
    const result = await network({ resolver }).guarded({ url: TARGET });
    return result.ok ? "called" : result.failure;
  };
  const why = (text: string) => ({
    code: "upstream_unreachable",
    reason: `host=api.acme.dev not resolved: ${text}`,
  });
  const down = () => Promise.reject(new Error("down"));
  expect(await reasonWith(down)).toEqual(why("resolver upstream_unreachable"));
  expect(await reasonWith(() => dnsJson(PUBLIC, { status: 503 }))).toEqual(why("resolver status=503"));
  expect(await reasonWith(() => dnsJson({}))).toEqual(why("resolver answer unusable"));
  expect(await reasonWith(() => Response.json([], { headers: { "content-type": "text/plain" } }))).toEqual(
    why("resolver answer unusable"),
  );
  expect(await reasonWith(() => dnsJson({ ...PUBLIC, Status: 2 }))).toEqual(why("rcode=2"));
  expect(await reasonWith(() => dnsJson({ ...PUBLIC, TC: true }))).toEqual(why("truncated"));
  expect(await reasonWith(() => dnsJson({ Status: 3 }))).toEqual(why("no address"));
  expect(await reasonWith(() => dnsJson({ Status: 0, Answer: [a("10.0.0.1")] }))).toEqual({
    code: "url_not_allowed",
    message: "The URL's host name leads to an address that is not public.",
    // Each of the two answers had it.
    reason: "host=api.acme.dev addresses=1",
  });
});

test("one family's failure is enough, whichever it is", async () => {
  for (const bad of [0, 1]) {
    let asked = 0;
    const { guarded, sent } = network({ resolver: () => dnsJson(PUBLIC, asked++ === bad ? { status: 500 } : {}) });
    expect(await guarded({ url: TARGET })).toMatchObject({
      failure: { reason: "host=api.acme.dev not resolved: resolver status=500" },
    });
    expect(sent).toEqual([]);
  }
});

describe("a verdict", () => {
  test("is kept for the shortest TTL on the way, aliases included", async () => {
    const { guarded, queries, state } = network({ records: [alias("edge.acme.dev.", 5), a("93.184.215.14", 30)] });
    await guarded({ url: TARGET });
    state.nowMs += 4_999;
    await guarded({ url: TARGET });
    expect(queries).toHaveLength(2);
    state.nowMs += 1;
    await guarded({ url: TARGET });
    expect(queries).toHaveLength(4);
  });

  test("is kept for a minute at most, whatever the TTL says", async () => {
    const { guarded, queries, state } = network({ records: [a("93.184.215.14", 86_400)] });
    await guarded({ url: TARGET });
    state.nowMs += LONGEST_VERDICT_MS;
    await guarded({ url: TARGET });
    expect(queries).toHaveLength(4);
  });

  test("E-02 falls with the records: a name that has turned private is refused when its TTL is over", async () => {
    const { guarded, sent, state } = network({ records: [a("93.184.215.14", 1)] });
    await guarded({ url: TARGET });
    state.records = [a("10.0.0.1", 1)];
    state.nowMs += 1_000;
    expect(await guarded({ url: TARGET })).toEqual(failure("url_not_allowed"));
    expect(sent).toHaveLength(1);
  });

  test("E-02 is advice: a name that turns private between check and connect is out of this check's reach", async () => {
    const { guarded, sent, state } = network({ records: [a("93.184.215.14", 30)] });
    await guarded({ url: TARGET });
    state.records = [a("10.0.0.1", 30)];
    // Called: refusing the address at connect is the platform's network filter's part, which sees what is resolved there.
    expect(await guarded({ url: TARGET })).toMatchObject({ ok: true });
    expect(sent).toHaveLength(2);
  });

  test("that could not be reached is not remembered", async () => {
    const answers = [() => new Response("", { status: 503 }), () => new Response("", { status: 503 })];
    const { guarded } = network({
      resolver: () => answers.pop()?.() ?? dnsJson({ Status: 0, Answer: [a("1.1.1.1")] }),
    });
    expect(await guarded({ url: TARGET })).toEqual(failure("upstream_unreachable"));
    expect(await guarded({ url: TARGET })).toMatchObject({ ok: true });
  });
});

describe("DOH_URL", () => {
  const env = { PUBLIC_ORIGIN: "https://connect.acme.dev", SETUP_TOKEN: "x".repeat(16) };

  test("is off when absent or empty", () => {
    expect(parseSettings(env).resolverUrl).toBeNull();
    expect(parseSettings({ ...env, DOH_URL: "" }).resolverUrl).toBeNull();
  });

  test("is taken as it is when the URL policy allows it", () => {
    expect(parseSettings({ ...env, DOH_URL: RESOLVER }).resolverUrl).toBe(RESOLVER);
  });

  test.for(["http://dns.example.net/dns-query", "https://1.1.1.1/dns-query", "https://connect.acme.dev/dns", "dns"])(
    "E-01 %s stops the deployment from starting",
    (DOH_URL) => {
      expect(() => parseSettings({ ...env, DOH_URL })).toThrow(/DOH_URL/);
    },
  );
});
