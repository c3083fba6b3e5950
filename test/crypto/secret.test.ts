import { describe, expect, test } from "vitest";
import { Secret } from "../../src/crypto/secret.ts";

const CANARY = "canary-9f2c";

describe("C-13 a secret does not show itself", () => {
  const secret = Secret.of(CANARY);

  test("but gives its text to who asks for it", () => {
    expect(secret.expose()).toBe(CANARY);
  });

  test.each<[string, () => unknown]>([
    ["String()", () => String(secret)],
    ["a template", () => `${secret}`],
    ["concatenation", () => "".concat(secret as unknown as string)],
    ["join", () => [secret].join()],
    ["JSON", () => JSON.stringify({ nested: [secret] })],
    ["Object.entries", () => JSON.stringify(Object.entries(secret))],
    ["own property names", () => Reflect.ownKeys(secret).join()],
    ["an error message", () => new Error(`${secret}`).stack],
    ["a URL parameter", () => new URLSearchParams({ q: String(secret) }).toString()],
    ["spreading", () => JSON.stringify({ ...secret })],
    ["toLocaleString", () => secret.toLocaleString()],
  ])("through %s", (_, show) => {
    expect(show()).not.toContain(CANARY);
  });

  test("JSON says that there was something", () => {
    expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}');
  });

  test("through a structured clone, which yields an object without the text", () => {
    expect(JSON.stringify(structuredClone(secret))).not.toContain(CANARY);
  });

  test("through the inspector of consoles", () => {
    const inspect: unknown = Reflect.get(secret, Symbol.for("nodejs.util.inspect.custom"));
    expect(typeof inspect === "function" && inspect.call(secret)).toBe("[secret]");
  });

  test("text that it is put into says that there was something", () => {
    expect([`${secret}`, String(secret), secret.toString()]).toEqual(Array(3).fill("[secret]"));
  });

  test("as a number it is not a number, whatever it holds", () => {
    expect(Number(Secret.of("42"))).toBeNaN();
  });
});
