import { describe, expect, test } from "vitest";
import { isOfIssuer, parseCallback } from "../../src/authorize/callback-parameters.ts";

const STATE = "s".repeat(43);

describe("a callback's query", () => {
  test("a code, or an error that is on the list", () => {
    expect(parseCallback(`?state=${STATE}&code=a%2Fb&iss=https%3A%2F%2Fas.example`)).toEqual({
      ok: true,
      value: { state: STATE, iss: "https://as.example", answer: { kind: "code", code: "a/b" } },
    });
    const errorOf = (error: string) => parseCallback(`?${new URLSearchParams({ state: STATE, error })}`);
    expect(errorOf("access_denied")).toMatchObject({ value: { iss: null, answer: { error: "access_denied" } } });
    expect(errorOf("<script>")).toMatchObject({ value: { answer: { kind: "error", error: "other" } } });
  });

  test.for([
    `?state=${STATE}&code=a&code=b`,
    `?state=${STATE}&code=a&code=a`,
    `?state=${STATE}&state=${STATE}&code=a`,
    `?state=${STATE}&code=a&iss=x&iss=x`,
    `?state=${STATE}&code=a&%63ode=b`,
    `?state=${STATE}&code=a&other=1&other=2`,
  ])("A-09 refuses a parameter that comes twice: %s", (query) => {
    expect(parseCallback(query)).toMatchObject({ ok: false, failure: { code: "invalid_callback" } });
  });

  test.for([
    "",
    "?code=a",
    "?state=short&code=a",
    `?state=${STATE}x&code=a`,
    `?state=${STATE}`,
    `?state=${STATE}&code=`,
    `?state=${STATE}&code=a%0a`,
    `?state=${STATE}&code=${"c".repeat(4097)}`,
    `?state=${STATE}&code=a&error=access_denied`,
    `?state=${STATE}&code=a&${"x".repeat(17_000)}`,
  ])("A-09 refuses what is no answer (%#)", (query) => {
    expect(parseCallback(query)).toMatchObject({ ok: false, failure: { code: "invalid_callback" } });
  });

  test("A-05 the issuer is compared byte for byte, and an empty one is wrong", () => {
    const asked = { issuer: "https://as.example", sendsIssuer: true };
    expect(isOfIssuer("https://as.example", asked)).toBe(true);
    for (const iss of [
      "https://as.example/",
      "https://AS.example",
      "https://as.example:443",
      "https://other.example",
      "",
    ]) {
      expect([iss, isOfIssuer(iss, asked)]).toEqual([iss, false]);
    }
    expect(isOfIssuer(null, asked)).toBe(false);
    expect(isOfIssuer(null, { ...asked, sendsIssuer: false })).toBe(true);
    expect(isOfIssuer("", { issuer: null, sendsIssuer: false })).toBe(false);
  });
});
