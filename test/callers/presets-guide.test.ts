import { describe, expect, test } from "vitest";
import { presetExample, presetTable, section } from "../../scripts/doc-tables.ts";
import { canonicalKey } from "../../src/callers/claim-path.ts";
import { KNOWN_ISSUERS, type KnownIssuer } from "../../src/callers/known-issuers.ts";
import { ISSUER_PRESETS, type IssuerPresetName, issuerPreset, presetJwksUri } from "../../src/callers/presets.ts";
import { guide } from "./guide.ts";

const NAMES = Object.keys(ISSUER_PRESETS) as IssuerPresetName[];
const presetOf = (name: IssuerPresetName): KnownIssuer => KNOWN_ISSUERS[name];

describe("docs/callers.md", () => {
  test("shows every preset as it is, and an example for each", () => {
    expect(section(guide, "presets")).toBe(presetTable(KNOWN_ISSUERS));
    for (const name of NAMES) {
      expect(section(guide, `example ${name}`)).toBe(presetExample(name, presetOf(name)).markdown);
    }
  });

  test("has no example rule that leans on names alone", () => {
    for (const name of NAMES) {
      const { immutableClaims, selectorClaim, example } = presetOf(name);
      const pinned = Object.keys(example.claims).map(canonicalKey);
      expect(pinned).toContain(canonicalKey(selectorClaim));
      // A SPIFFE ID is a name that its trust domain answers for.
      if (name === "spiffe") continue;
      expect(immutableClaims.map(canonicalKey)).toContain(canonicalKey(selectorClaim));
    }
  });
});

describe("a preset", () => {
  test("that nobody names is for any issuer: the subject, good signatures, half a day", () => {
    expect(issuerPreset(null)).toEqual({
      selectorClaim: "sub",
      algorithms: ["RS256", "ES256", "PS256", "EdDSA"],
      maxTokenAgeMs: 43_200_000,
    });
    expect(presetJwksUri(null, "https://idp.example.org")).toBeUndefined();
  });

  test("knows where the keys are that discovery does not lead to, and of no other issuer", () => {
    const known = NAMES.flatMap((name) => presetJwksUri(name, "https://iss.example") ?? []);
    expect(known).toEqual(["https://www.googleapis.com/oauth2/v3/certs", "https://iss.example/cdn-cgi/access/certs"]);
  });
});
