import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/crypto/bytes.ts";
import { PROVIDERS } from "../../../src/triggers/recipes/registry.ts";
import { CASES, type ProviderCase, secretOf } from "./provider-cases.ts";
import { contextOf, NOW_MS, outcome, post, recipeOf, verify, verifyInPieces } from "./signing.ts";

async function signed(provider: ProviderCase, body = provider.body, sentMs = NOW_MS) {
  const headers = await provider.headers(body, secretOf(provider), sentMs);
  return post(body, { "content-type": provider.contentType ?? "application/json", ...headers });
}

/** The header or headers that the recipe takes signatures from. */
function signatureHeaders(name: string): readonly string[] {
  const recipe = recipeOf(name);
  const header = recipe.kind === "data" ? (recipe.spec.signature.header ?? []) : [];
  return typeof header === "string" ? [header] : header;
}

/** Everything of a request but those headers. */
async function without(name: string, provider: ProviderCase) {
  const request = await signed(provider);
  for (const header of signatureHeaders(name)) request.headers.delete(header);
  return request;
}

describe.each(Object.entries(CASES))("%s", (name, provider) => {
  const recipe = recipeOf(name);
  const context = contextOf([secretOf(provider)]);
  const refusal = name === "figma" ? 400 : 401;
  const isSigned = recipe.kind === "data" && recipe.spec.signature.algorithm !== "equality";

  it("is verified, and its type, id and tenants are read", async () => {
    const verdict = await verify(recipe, await signed(provider), context);
    expect(verdict).toMatchObject({ kind: "event", secretId: "s0", event: provider.event });
  });

  it("W-07 is verified by the former secret, too, and by no other connector's (fault 14, fault 15)", async () => {
    const other = name === "discord" ? "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a" : "b3RoZXI=";
    const rotated = await verify(recipe, await signed(provider), contextOf([other, secretOf(provider)]));
    expect(rotated).toMatchObject({ kind: "event", secretId: "s1" });
    expect(outcome(await verify(recipe, await signed(provider), contextOf([other])))).toBe(
      `${refusal} signature_mismatch`,
    );
  });

  it("W-02 without a usable secret is misconfigured, never open (fault 13)", async () => {
    for (const secrets of [[], [""], ["  "], [`${secretOf(provider)}\n`]]) {
      expect(await verify(recipe, await signed(provider), contextOf(secrets))).toEqual({ kind: "misconfigured" });
    }
  });

  it("fault 1 and fault 2: without a signature, or with an empty one, it is refused", async () => {
    const bare = name === "figma" ? post('{"event_type":"FILE_UPDATE"}') : await without(name, provider);
    expect(outcome(await verify(recipe, bare, context))).toBe(`${refusal} signature_missing`);
    const empty = name === "figma" ? post('{"passcode":""}') : bare;
    for (const header of signatureHeaders(name)) empty.headers.set(header, "");
    expect(outcome(await verify(recipe, empty, context))).toBe(`${refusal} signature_missing`);
  });

  if (isSigned)
    it("W-01 another body is refused (fault 16, fault 17)", async () => {
      const request = await signed(provider);
      const changed = [`${provider.body}\n`, ` ${provider.body}`, provider.body.replace(":", ": "), "", "{}"];
      for (const body of changed) {
        const verdict = await verify(recipe, { ...request, body: utf8(body) }, context);
        expect(outcome(verdict)).toBe("401 signature_mismatch");
      }
    });

  if (isSigned)
    it("fault 8 and fault 9: a signature that is cut, or goes on, is refused", async () => {
      const request = await signed(provider);
      for (const change of [(text: string) => text.slice(0, -2), (text: string) => `${text}00`]) {
        const headers = new Headers(request.headers);
        for (const header of signatureHeaders(name)) {
          // The last field's value, which for Stripe is not the one that counts.
          const value = (headers.get(header) ?? "").replace(/,v0=.*/, "").replace(/v1=0{64},/, "");
          headers.set(header, change(value));
        }
        expect(outcome(await verify(recipe, { ...request, headers }, context))).toBe("401 signature_malformed");
      }
    });

  if (provider.toleranceSeconds !== undefined)
    it("fault 25 fault 26 W-03 is refused a second too late or too early, and not at the limit", async () => {
      const toleranceMs = (provider.toleranceSeconds ?? 0) * 1000;
      for (const direction of [-1, 1]) {
        const [inside, outside] = [toleranceMs, toleranceMs + 1000].map((ms) => NOW_MS + direction * ms);
        const at = (sentMs = 0) => signed(provider, provider.bodyAt?.(sentMs) ?? provider.body, sentMs);
        expect(await verify(recipe, await at(inside), context)).toMatchObject({
          kind: "event",
          event: { sentAtMs: inside },
        });
        expect(outcome(await verify(recipe, await at(outside), context))).toBe("401 timestamp_out_of_range");
      }
    });

  it("gets the same verdict on a body in pieces, or says that it needs it whole", async () => {
    const request = await signed(provider);
    for (const pieceBytes of [1, 7, 1000]) {
      const verdict = await verifyInPieces(recipe, request, context, pieceBytes);
      if (verdict !== null) expect(verdict).toEqual(await verify(recipe, request, context));
    }
    const forged = { ...request, body: utf8(`${provider.body} `) };
    const verdict = await verifyInPieces(recipe, forged, context, 7);
    if (verdict !== null) expect(verdict).toEqual(await verify(recipe, forged, context));
  });

  it("W-09 keeps shared secrets and credentials from what is forwarded", () => {
    const { forwardedHeaders, strippedHeaders } = recipe;
    expect(forwardedHeaders.filter((header) => strippedHeaders.includes(header))).toEqual([]);
    expect(forwardedHeaders).not.toContain("authorization");
    if (!isSigned) for (const header of signatureHeaders(name)) expect(strippedHeaders).toContain(header);
  });
});

it("has a case for every provider that is data", () => {
  const names = [...PROVIDERS].flatMap(([name, { recipe }]) => (recipe.kind === "data" ? [name] : []));
  expect(Object.keys(CASES).sort()).toEqual(names.sort());
});

it("W-06 GitHub's event is of no installation that only a header names, since none is signed", async () => {
  const { github } = CASES;
  if (github === undefined) throw new Error("no github");
  const verdict = await verify(
    recipeOf("github"),
    await signed(github, '{"action":"revoked"}'),
    contextOf([secretOf(github)]),
  );
  expect(verdict).toMatchObject({ kind: "event", event: { type: "pull_request.revoked", tenants: [] } });
});
