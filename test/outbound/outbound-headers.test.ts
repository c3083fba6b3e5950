import { expect, test } from "vitest";
import { canBeSent } from "../../src/outbound/outbound-headers.ts";

test("a header can be sent when HTTP can carry its name and its value as they are, and not else", () => {
  expect(canBeSent("x-name", "a value, \u00e4nd one\twith a tab")).toBe(true);
  expect(canBeSent("x-name", "")).toBe(true);
  for (const name of ["", "x name", "x-name:", "n\u00e4me", "x\n"]) expect(canBeSent(name, "value")).toBe(false);
  for (const value of ["a\nb", "a\r", "\u0000", "\u0100", "\u007f"]) expect(canBeSent("x-name", value)).toBe(false);
});
