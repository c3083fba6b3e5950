import { beforeEach, describe, expect, test } from "vitest";
import type { LimitName } from "../../src/limits/rate-limiter.ts";
import { type ApiAnswer, accessToken } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { ask, isolate, scene } from "../support/connect.ts";
import { limitsOf } from "../support/limits.ts";
import { trustedWorkload } from "../support/workload.ts";

beforeEach(() => clock.reset());

/** An isolate with these limits, and nothing yet in its memory. */
async function limited(limits: { readonly [Limit in LimitName]?: number }) {
  const made = limitsOf(limits);
  return { ...(await isolate({ limits: made.limits })), bindings: made.bindings };
}
type Limited = Awaited<ReturnType<typeof limited>>;

/** Set up through another isolate, where nothing is limited. */
async function prepared(name: string, fields: Record<string, unknown> = {}) {
  return scene((await isolate()).api, name, fields);
}

const get = (from: Limited, address: string, token: string, path = "/v1/team") =>
  from.api.send(path, { headers: { "cf-connecting-ip": address, authorization: `Bearer ${token}` } });

const refusal = ({ status, headers, body }: ApiAnswer) => [status, body.error?.code, headers.get("retry-after")];
const LIMITED = [429, "rate_limited", "10"];

const encoded = (value: object) => btoa(JSON.stringify(value)).replace(/=+$/, "");
/** A JWT of an issuer that nobody registered. */
const foreign = (name: string) =>
  `${encoded({ alg: "RS256", kid: "k" })}.${encoded({ iss: `https://${name}.example`, sub: "x" })}.AAAA`;

describe("U-13 strangers", () => {
  test("who fail too often are refused; those who are known are not, nor those from elsewhere", async () => {
    const { owner } = await prepared("strangers");
    const flooded = await limited({ ip: 5 });
    expect((await get(flooded, "192.0.2.1", owner)).status).toBe(200);
    for (let round = 0; round < 5; round++) {
      expect((await get(flooded, "192.0.2.1", foreign("one"))).status).toBe(401);
    }
    expect(refusal(await get(flooded, "192.0.2.1", foreign("one")))).toEqual(LIMITED);

    expect((await get(flooded, "192.0.2.1", owner)).status).toBe(200);
    expect((await get(flooded, "192.0.2.2", foreign("one"))).status).toBe(401);
    // The address of the flood, claimed by somebody else.
    const claimed = { "x-forwarded-for": "192.0.2.1", authorization: `Bearer ${foreign("one")}` };
    expect((await flooded.api.send("/v1/team", { headers: claimed })).status).toBe(401);

    clock.advance(1_000);
    flooded.bindings.ip?.reset();
    expect((await get(flooded, "192.0.2.1", foreign("one"))).status).toBe(401);
  });

  test("B-14 whose look-ups fail cost the stores nothing once they are limited", async () => {
    const { runtime } = await prepared("lookups");
    const flooded = await limited({ ip: 3 });
    for (let round = 0; round < 3; round++) await get(flooded, "192.0.2.9", foreign(`issuer-${round}`));
    expect(flooded.calls.d1).toBe(3);
    await get(flooded, "192.0.2.9", "not-even-a-token");
    flooded.reset();
    for (let round = 0; round < 50; round++) {
      // A genuine token, but not known to this isolate: nobody can tell without a look-up.
      const token = round % 2 === 0 ? foreign(`other-${round}`) : runtime;
      expect(refusal(await get(flooded, "192.0.2.9", token))).toEqual(LIMITED);
    }
    expect(flooded.calls).toEqual({ d1: 0, kv: 0, objects: 0 });
  });

  test("may share an address with a fleet: success is not counted", async () => {
    const { owner } = await prepared("fleet");
    const isolated = await limited({ ip: 2 });
    for (let round = 0; round < 20; round++) expect((await get(isolated, "192.0.2.3", owner)).status).toBe(200);
    expect(isolated.bindings.ip?.total()).toBe(0);
  });

  test("are not blamed for our own faults", async () => {
    const { owner } = await prepared("own-fault");
    const isolated = await limited({ ip: 2 });
    isolated.failing.d1 = true;
    isolated.failing.kv = true;
    for (let round = 0; round < 5; round++) expect((await get(isolated, "192.0.2.4", owner)).status).toBe(503);
    expect(isolated.bindings.ip?.total()).toBe(0);
  });

  test.each(["/health", "/.well-known/jwks.json", "/.well-known/openid-configuration"])(
    "are limited on the public route %s",
    async (path) => {
      const flooded = await limited({ ip: 3 });
      const send = (address: string) => flooded.api.send(path, { headers: { "cf-connecting-ip": address } });
      for (let round = 0; round < 3; round++) expect((await send("192.0.2.5")).status).toBe(200);
      expect(refusal(await send("192.0.2.5"))).toEqual(LIMITED);
      expect((await send("192.0.2.6")).status).toBe(200);
    },
  );

  test("who guess the setup token are limited", async () => {
    const flooded = await limited({ ip: 3 });
    const guess = () => flooded.api.post("/v1/setup", { setupToken: crypto.randomUUID() });
    for (let round = 0; round < 3; round++) expect((await guess()).status).toBeLessThan(429);
    expect(refusal(await guess())).toEqual(LIMITED);
  });
});

describe("U-13 a caller", () => {
  test("is limited on management routes, alone", async () => {
    const { owner, projectId } = await prepared("manager");
    const other = await accessToken((await isolate()).api, owner, { role: "viewer", projectId });
    const flooded = await limited({ caller: 4 });
    for (let round = 0; round < 4; round++) expect((await get(flooded, "192.0.2.7", owner)).status).toBe(200);
    expect(refusal(await get(flooded, "192.0.2.7", owner))).toEqual(LIMITED);
    expect((await get(flooded, "192.0.2.7", other, `/v1/projects/${projectId}`)).status).toBe(200);
  });

  test("that makes up connectors is limited, and its warm requests go on", async () => {
    const scened = await prepared("guesser");
    const flooded = await limited({ caller: 3 });
    expect((await ask(flooded.api, scened)).status).toBe(200);
    const guess = (round: number) => ask(flooded.api, { uid: `oauth/guess-${round}`, runtime: scened.runtime });
    for (let round = 0; round < 2; round++) expect((await guess(round)).status).toBe(404);
    flooded.reset();
    for (let round = 2; round < 20; round++) expect(refusal(await guess(round))).toEqual(LIMITED);
    expect(flooded.calls).toMatchObject({ d1: 0, objects: 0 });
    expect((await ask(flooded.api, scened)).status).toBe(200);
  });

  test("is one project's environment, however many tokens it presents", async () => {
    const scened = await prepared("environment", { leaseSeconds: 0 });
    const workload = await trustedWorkload((await isolate()).api, scened);
    const flooded = await limited({ caller: 3 });
    const statuses: number[] = [];
    for (let round = 0; round < 5; round++) {
      statuses.push((await ask(flooded.api, { uid: scened.uid, runtime: await workload.sign() })).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    expect([...(flooded.bindings.caller?.counts.keys() ?? [])]).toEqual([`workload ${scened.projectId} production`]);
  });

  test("that asks for what is warm is not even counted", async () => {
    const scened = await prepared("warm");
    const isolated = await limited({ ip: 1, caller: 5, connector: 5, bypass: 5 });
    await ask(isolated.api, scened);
    for (const binding of Object.values(isolated.bindings)) binding.reset();
    isolated.reset();
    for (let round = 0; round < 50; round++) expect((await ask(isolated.api, scened)).status).toBe(200);
    expect(isolated.calls).toEqual({ d1: 0, kv: 0, objects: 0 });
    expect(Object.values(isolated.bindings).map(({ total }) => total())).toEqual([0, 0, 0, 0]);
  });

  test("is counted once for a cold request, which reads the database and asks a Grant", async () => {
    const scened = await prepared("cold");
    const isolated = await limited({ caller: 5, connector: 5 });
    expect((await ask(isolated.api, scened)).status).toBe(200);
    expect([isolated.bindings.caller?.total(), isolated.bindings.connector?.total()]).toEqual([1, 1]);
  });
});

test("U-13 a connector is limited for all its callers together, and other connectors are not", async () => {
  const crowded = await prepared("crowded", { leaseSeconds: 0 });
  const quiet = await prepared("quiet", { leaseSeconds: 0 });
  const fields = { role: "developer", projectId: crowded.projectId, environment: "production" };
  const second = { uid: crowded.uid, runtime: await accessToken((await isolate()).api, crowded.owner, fields) };
  const flooded = await limited({ connector: 4 });
  for (let round = 0; round < 2; round++) {
    expect((await ask(flooded.api, crowded)).status).toBe(200);
    expect((await ask(flooded.api, second)).status).toBe(200);
  }
  expect(refusal(await ask(flooded.api, second))).toEqual(LIMITED);
  expect(refusal(await ask(flooded.api, crowded))).toEqual(LIMITED);
  expect((await ask(flooded.api, quiet)).status).toBe(200);
});

describe("C-12 a loop that insists on the Grant", () => {
  const insist = (from: Limited, { uid, runtime }: { uid: string; runtime: string }) =>
    from.api.send(`/v1/connect/token/${encodeURIComponent(uid)}`, {
      method: "POST",
      headers: { authorization: `Bearer ${runtime}`, "cache-control": "no-cache" },
    });

  test("with no-cache gets the cached token beyond its budget, and the Grant is left alone", async () => {
    const scened = await prepared("no-cache");
    const looping = await limited({ bypass: 3 });
    const first = await insist(looping, scened);
    for (let round = 1; round < 3; round++) await insist(looping, scened);
    looping.reset();
    for (let round = 0; round < 30; round++) {
      const answer = await insist(looping, scened);
      expect([answer.status, answer.body.token]).toEqual([200, first.body.token]);
    }
    expect(looping.calls).toEqual({ d1: 0, kv: 0, objects: 0 });
    expect(JSON.parse(looping.services.lines.at(-1) ?? "")).toMatchObject({ level: "info", limit: "bypass" });
  });

  test("with no-cache is refused where nothing may be cached, and only while it insists", async () => {
    const scened = await prepared("no-cache-no-lease", { leaseSeconds: 0 });
    const looping = await limited({ bypass: 2 });
    for (let round = 0; round < 2; round++) expect((await insist(looping, scened)).status).toBe(200);
    expect(refusal(await insist(looping, scened))).toEqual(LIMITED);
    expect((await ask(looping.api, scened)).status).toBe(200);
  });

  test("with a rejected token is refused rather than given that token again", async () => {
    const scened = await prepared("rejected");
    const looping = await limited({ bypass: 2 });
    const { body } = await ask(looping.api, scened);
    const reject = (tokenId: string) => ask(looping.api, scened, { rejectedTokenId: tokenId });
    // Younger than 30 s, so the Grant does not believe it.
    for (let round = 0; round < 2; round++) expect((await reject(body.tokenId)).body.tokenId).toBe(body.tokenId);
    expect(refusal(await reject(body.tokenId))).toEqual(LIMITED);
    // Another token than the rejected one is what it asks for.
    expect((await reject("stk_of_yesterday")).body.tokenId).toBe(body.tokenId);
    expect((await scened.upstream.state()).issued).toHaveLength(1);
  });

  test("leaves the budgets of other connectors alone", async () => {
    const scened = await prepared("looping");
    const other = await prepared("not-looping");
    const looping = await limited({ bypass: 1 });
    for (let round = 0; round < 3; round++) await insist(looping, scened);
    looping.reset();
    expect((await insist(looping, { ...scened, uid: other.uid, runtime: other.runtime })).status).toBe(200);
    expect(looping.calls.objects).toBe(1);
  });
});
