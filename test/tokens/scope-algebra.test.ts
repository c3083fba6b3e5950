import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type OAuthConfig, oauthConfig } from "../../src/catalog/oauth/config.ts";
import { oauthDriver } from "../../src/catalog/oauth/driver.ts";
import type { Result } from "../../src/errors.ts";
import { type AuthorizedRequest, authorize } from "../../src/tokens/authorize.ts";
import type { ConnectorSnapshot } from "../../src/tokens/snapshot.ts";
import { parseTokenRequest, tokenRequestBody } from "../../src/tokens/token-request.ts";
import { createOAuth, succeeded } from "../catalog/support.ts";

let config: OAuthConfig;
beforeAll(async () => {
  const saved = succeeded(await createOAuth({ token_endpoint: "https://as.example.com/token" }));
  config = oauthConfig.parse(saved.config);
});

/** What a project gets when it asks for `asked` at a connector with these defaults, linked under this ceiling. */
function resolve(asked: string[], defaults: string[], ceiling: string[] | null): Result<AuthorizedRequest> {
  const request = succeeded(parseTokenRequest(tokenRequestBody.parse({ scopes: asked })));
  const snapshot: ConnectorSnapshot = {
    teamId: "team_1",
    connector: {
      id: "scl_1",
      uid: "oauth/one",
      type: "oauth",
      name: "one",
      config: { ...config, settings: { ...config.settings, clientCredentials: { enabled: true, scopes: defaults } } },
      configRevision: 1,
      draft: false,
      region: null,
      leaseSeconds: 60,
    },
    link: {
      id: "lnk_1",
      environments: ["production"],
      installations: null,
      subjects: null,
      subjectNamespace: null,
      scopes: ceiling,
      authorizationDetails: null,
    },
    version: "1",
    revokedBeforeMs: 0,
  };
  const scope = { projectId: "prj_1", environment: "production" };
  return authorize(scope, { type: "app" }, snapshot, request, oauthDriver);
}

/** The scopes, or the code of the refusal. */
function outcome(asked: string[], defaults: string[], ceiling: string[] | null): string[] | string {
  const result = resolve(asked, defaults, ceiling);
  return result.ok ? result.value.group.scopes : result.failure.code;
}

const sorted = (scopes: Iterable<string>) => [...new Set(scopes)].sort();
const within = (scopes: string[], ceiling: string[]) => scopes.every((scope) => ceiling.includes(scope));

/** Some contain others, some differ in case only: a comparison by prefix, or one that ignores case, would show. */
const scope = fc.constantFrom("a", "A", "a:read", "a:read:all", "a.read", "b", "read", "Read", "write", "ab");
const scopes = fc.array(scope, { maxLength: 6 });
const some = fc.array(scope, { minLength: 1, maxLength: 6 });
const RUNS = { numRuns: 1000 };

describe("scopes under a link's ceiling", () => {
  test("never exceed it, whatever is asked and whatever the defaults are", () => {
    fc.assert(
      fc.property(scopes, scopes, scopes, (asked, defaults, ceiling) => {
        const got = outcome(asked, defaults, ceiling);
        return typeof got === "string" ? got === "insufficient_scope" : within(got, ceiling) && got.length > 0;
      }),
      RUNS,
    );
  });

  test("are exactly what was asked by name, or nothing: above the ceiling is refused, never trimmed", () => {
    fc.assert(
      fc.property(some, scopes, scopes, (asked, defaults, ceiling) => {
        const expected = within(asked, ceiling) ? sorted(asked) : "insufficient_scope";
        expect(outcome(asked, defaults, ceiling)).toEqual(expected);
      }),
      RUNS,
    );
  });

  test("are the part of the defaults below it when nothing is named, and all of it when there are no defaults", () => {
    fc.assert(
      fc.property(fc.constantFrom<string[]>([], ["*"]), scopes, scopes, (asked, defaults, ceiling) => {
        const part = defaults.length === 0 ? ceiling : defaults.filter((one) => ceiling.includes(one));
        expect(outcome(asked, defaults, ceiling)).toEqual(part.length === 0 ? "insufficient_scope" : sorted(part));
      }),
      RUNS,
    );
  });

  test("asked for again by name are the same scopes", () => {
    fc.assert(
      fc.property(scopes, scopes, fc.option(scopes), (asked, defaults, ceiling) => {
        const got = outcome(asked, defaults, ceiling);
        if (typeof got !== "string" && got.length > 0) expect(outcome(got, defaults, ceiling)).toEqual(got);
      }),
      RUNS,
    );
  });

  test("do not depend on the order or the repetition of anything", () => {
    const shuffled = (list: string[]) => [...list.toReversed(), ...list];
    fc.assert(
      fc.property(scopes, scopes, fc.option(scopes), (asked, defaults, ceiling) => {
        const again = outcome(shuffled(asked), shuffled(defaults), ceiling === null ? null : shuffled(ceiling));
        expect(again).toEqual(outcome(asked, defaults, ceiling));
      }),
      RUNS,
    );
  });

  test("only grow when the ceiling is raised, and never change for who asked by name", () => {
    fc.assert(
      fc.property(scopes, some, scopes, scopes, (asked, defaults, ceiling, more) => {
        const before = outcome(asked, defaults, ceiling);
        const after = outcome(asked, defaults, [...ceiling, ...more]);
        if (typeof before === "string") return;
        expect(after).toEqual(asked.length === 0 ? expect.arrayContaining(before) : before);
      }),
      RUNS,
    );
  });

  test("without one are what was asked, or the defaults", () => {
    fc.assert(
      fc.property(scopes, scopes, (asked, defaults) => {
        expect(outcome(asked, defaults, null)).toEqual(sorted(asked.length === 0 ? defaults : asked));
      }),
      RUNS,
    );
  });

  test("cannot be named with the star that means the defaults", () => {
    fc.assert(
      fc.property(some, (asked) => {
        const parsed = parseTokenRequest(tokenRequestBody.parse({ scopes: [...asked, "*"] }));
        expect(parsed).toMatchObject({ ok: false, failure: { code: "invalid_scope" } });
      }),
    );
  });
});
