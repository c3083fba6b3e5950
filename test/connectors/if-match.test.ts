import { expect, test } from "vitest";
import { checkIfMatch } from "../../src/connectors/if-match.ts";

const passes = (value: string | null) => checkIfMatch(new Headers(value === null ? {} : { "if-match": value }), 7).ok;

test.for([null, '"7"', "*", '"6", "7"', ' "7" '])("%j passes at revision 7", (value) => {
  expect(passes(value)).toBe(true);
});

test.for(['"6"', 'W/"7"', "7", '"77"', "", '"7', '"6","8"'])("%j fails at revision 7", (value) => {
  expect(passes(value)).toBe(false);
});
