import { describe, expect, test } from "vitest";
import { createGuardedFetch, parseJson } from "../../src/outbound/guarded-fetch.ts";
import { hostile } from "../providers/hostile.ts";

function response(body: string | number[], contentType: string | null = "application/json") {
  const headers = new Headers(contentType === null ? {} : { "content-type": contentType });
  return { headers, body: new Uint8Array(typeof body === "string" ? new TextEncoder().encode(body) : body) };
}

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

describe("an answer that claims to be JSON", () => {
  test.each([
    "application/json",
    "Application/JSON; charset=utf-8",
    "application/jwk-set+json",
    "application/json ;x=1",
  ])("%s is JSON", (type) => {
    expect(parseJson(response('{"a":1}', type))).toEqual({ ok: true, value: { a: 1 } });
  });

  test.each([
    null,
    "",
    "text/html",
    "text/plain",
    "application/jsonp",
    "text/application/x+json",
    "application/x+jsonp",
    "application/+json",
    "text/json+html",
    "application/x-www-form-urlencoded",
  ])("JSON served as %s is refused", (type) => {
    expect(parseJson(response('{"a":1}', type))).toMatchObject({
      ok: false,
      failure: { code: "upstream_invalid_response" },
    });
  });

  test.each([
    ["nothing", ""],
    ["a truncated object", '{"access_token":"a'],
    ["two values", "{}{}"],
    ["bytes that are not UTF-8", [0x22, 0xff, 0xfe, 0x22]],
    ["an overlong encoding", [0x22, 0xc0, 0xaf, 0x22]],
    ["17 levels of nesting", nested(17)],
    ["levels without end", nested(30_000)],
  ])("%s is refused", (_, body) => {
    expect(parseJson(response(body))).toMatchObject({ ok: false, failure: { code: "upstream_invalid_response" } });
  });

  test.each([
    ["null", null],
    ["0", 0],
    ['"a"', "a"],
    ["\ufeff{}", {}],
  ])("the text %j is a value", (text, value) => {
    expect(parseJson(response(text))).toEqual({ ok: true, value });
  });

  test("that is refused tells the log why, and nothing of the body", () => {
    const reasons = [
      parseJson(response("{}", "text/html")),
      parseJson(response("{secret")),
      parseJson(response(nested(17))),
    ].map((result) => (result.ok ? "ok" : result.failure));
    expect(reasons).toEqual([
      { code: "upstream_invalid_response", reason: "content type is not JSON" },
      { code: "upstream_invalid_response", reason: "body is not JSON in UTF-8" },
      { code: "upstream_invalid_response", reason: "nested deeper than 16" },
    ]);
  });

  test("16 levels of nesting are enough for anybody", () => {
    expect(parseJson(response(nested(16))).ok).toBe(true);
  });

  test.each(["/html", "/json-as-html"])("what the provider serves at %s is refused", async (path) => {
    const guarded = createGuardedFetch({ fetch, policy: { ownHosts: [], allowLoopback: true } });
    const result = await guarded({ url: hostile(path) });
    if (!result.ok) throw new Error(result.failure.code);
    expect(parseJson(result.value)).toMatchObject({ ok: false, failure: { code: "upstream_invalid_response" } });
  });
});
