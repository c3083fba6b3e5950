import { expect, test } from "vitest";
import { grantDirectory } from "../../src/grants/directory.ts";

/** A namespace that answers with how it was asked. */
function namespace(name: string) {
  const asked = (from: string) => ({
    getByName: (object: string, options?: object) => `${from} ${object} ${JSON.stringify(options ?? null)}`,
    jurisdiction: (jurisdiction: string) => asked(`${from}@${jurisdiction}`),
  });
  return asked(name) as unknown as DurableObjectNamespace<never>;
}
const directory = grantDirectory({ grants: namespace("grants"), gates: namespace("gates") });

test("an object without a region is asked for by its name alone", () => {
  expect(directory.grant("g1:x", null)).toBe("grants g1:x null");
  expect(directory.gate("scl_1", null)).toBe("gates scl_1 null");
});

test.for(["eu", "us", "fedramp"])("in the jurisdiction %s it is one of that jurisdiction's", (region) => {
  expect(directory.grant("g1:x", region)).toBe(`grants@${region} g1:x null`);
  expect(directory.gate("scl_1", region)).toBe(`gates@${region} scl_1 null`);
});

test.for(["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"])(
  "%s is a hint that goes with every call",
  (region) => {
    const hint = JSON.stringify({ locationHint: region });
    expect(directory.grant("g1:x", region)).toBe(`grants g1:x ${hint}`);
    expect(directory.gate("scl_1", region)).toBe(`gates scl_1 ${hint}`);
  },
);

test("a region that nobody knows is none", () => {
  for (const region of ["", "EU", "mars"]) expect(directory.grant("g1:x", region)).toBe("grants g1:x null");
});
