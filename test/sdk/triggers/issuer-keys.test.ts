import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, test, vi } from "vitest";
import { TriggerError, verifyTrigger } from "../../../src/sdk/triggers/index.ts";
import { AUDIENCE, ISSUER, NOW_MS, publicJwk, request, token } from "./sender.ts";

/** A deployment that publishes these keys, or fails; and what it was asked. */
function deployment() {
  const state = { keys: [publicJwk] as object[], isDown: false, fetched: [] as string[], nowMs: NOW_MS };
  const fetch = async (input: RequestInfo | URL) => {
    state.fetched.push(String(input));
    if (state.isDown) throw new TypeError("connection refused");
    return Response.json({ keys: state.keys });
  };
  const options = { issuer: ISSUER, audience: AUDIENCE, fetch, now: () => state.nowMs };
  const judged = async (made: Request): Promise<string> =>
    verifyTrigger(made, options).then(
      () => "ok",
      (error: unknown) => (error instanceof TriggerError ? error.code : `threw ${error}`),
    );
  return { state, judged };
}

describe("the deployment's keys", () => {
  test("are fetched once from its well-known address, and kept", async () => {
    const { state, judged } = deployment();
    for (let count = 0; count < 3; count++) expect(await judged(request(await token()))).toBe("ok");
    expect(state.fetched).toEqual([`${ISSUER}/.well-known/jwks.json`]);
  });

  test("fault 36 unknown key ids cause one fetch in half a minute, not a storm", async () => {
    const { state, judged } = deployment();
    for (let count = 0; count < 20; count++) {
      expect(await judged(request(await token({}, { kid: `made-up-${count}` })))).toBe("token_invalid");
    }
    expect(state.fetched.length).toBeLessThanOrEqual(2);
  });

  test("fault 65 a key that was rotated in while a receiver runs is found", async () => {
    vi.useFakeTimers({ now: Date.now(), toFake: ["Date"] });
    try {
      const { state, judged } = deployment();
      expect(await judged(request(await token()))).toBe("ok");
      const next = await generateKeyPair("ES256", { extractable: true });
      state.keys.push({ ...(await exportJWK(next.publicKey)), kid: "next", alg: "ES256", use: "sig" });
      vi.setSystemTime(Date.now() + 31_000);
      expect(await judged(request(await token({}, { kid: "next" }, next.privateKey)))).toBe("ok");
      expect(state.fetched).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });

  test("that cannot be fetched at first are a reason to try later, and are not asked for at every request", async () => {
    const { state, judged } = deployment();
    state.isDown = true;
    for (let count = 0; count < 5; count++) expect(await judged(request(await token()))).toBe("keys_unavailable");
    expect(state.fetched).toHaveLength(1);
    state.isDown = false;
    state.nowMs += 30_000;
    expect(await judged(request(await token({ nbf: undefined, exp: state.nowMs / 1000 + 60 })))).toBe("ok");
  });

  test("that were fetched once are believed for a day while the deployment is down, and no longer", async () => {
    vi.useFakeTimers({ now: Date.now(), toFake: ["Date"] });
    try {
      const { state, judged } = deployment();
      const later = (ms: number) => {
        vi.setSystemTime(Date.now() + ms);
        state.nowMs += ms;
      };
      const fresh = () => token({ iat: state.nowMs / 1000, nbf: undefined, exp: state.nowMs / 1000 + 60 });
      expect(await judged(request(await fresh()))).toBe("ok");
      state.isDown = true;
      later(11 * 60_000);
      expect(await judged(request(await fresh()))).toBe("ok");
      expect(state.fetched).toHaveLength(2);
      // A key that nobody knows may be one that was rotated in meanwhile: it is to be sent again.
      expect(await judged(request(await token({}, { kid: "next" })))).toBe("keys_unavailable");
      later(24 * 60 * 60_000);
      expect(await judged(request(await fresh()))).toBe("keys_unavailable");
    } finally {
      vi.useRealTimers();
    }
  });
});
