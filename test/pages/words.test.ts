import { describe, expect, test } from "vitest";
import { scopeWords } from "../../src/pages/scope-words.ts";
import { ago, environmentTitle, initialOf } from "../../src/pages/words.ts";

describe("words", () => {
  test.each([
    [0, "less than a minute ago"],
    [-5_000, "less than a minute ago"],
    [59_999, "less than a minute ago"],
    [60_000, "1 minute ago"],
    [3_599_999, "59 minutes ago"],
    [3_600_000, "1 hour ago"],
    [7_200_000, "2 hours ago"],
  ])("%i ms is %s", (ageMs, words) => {
    expect(ago(ageMs)).toBe(words);
  });

  test("an environment of one's own keeps its slug, whatever it is called", () => {
    expect(environmentTitle("production")).toBe("Production");
    expect(environmentTitle("staging")).toBe("staging");
    expect(environmentTitle("constructor")).toBe("constructor");
  });

  test("an initial is one whole letter or emoji", () => {
    expect(initialOf("tracker")).toBe("T");
    expect(initialOf(" ærø")).toBe("Æ");
    expect(initialOf("👩‍👩‍👧‍👦 family")).toBe("👩‍👩‍👧‍👦");
    expect(initialOf("\u202e ")).toBe("·");
    expect([...initialOf(`Z${"\u0351".repeat(500)}`)].length).toBeLessThan(10);
  });

  test("a scope has words only where its host gives it that meaning", () => {
    expect(scopeWords("repo", "github.com")).toContain("repositories");
    expect(scopeWords("repo", "github.com.evil.example")).toBeNull();
    expect(scopeWords("repo", null)).toBeNull();
    expect(scopeWords("openid", "anything.example")).toContain("account");
    expect(scopeWords("constructor", "constructor")).toBeNull();
    expect(scopeWords("toString", "github.com")).toBeNull();
  });
});
