import { describe, expect, test } from "vitest";
import { utf8 } from "../../../../src/crypto/bytes.ts";
import { microsoftGraph } from "../../../../src/triggers/recipes/code/microsoft-graph.ts";
import { blankPointers } from "../../../../src/triggers/recipes/strip.ts";
import { expectEvent, HOOK, judge, refusal, webhook } from "./support.ts";

const { recipe } = microsoftGraph;
const STATE = "client-state-0123456789";
const NOTICE = {
  subscriptionId: "7f105c7d-2dc5-4530-97cd-4e7ae6534c07",
  clientState: STATE,
  changeType: "created",
  resource: "users/1/messages/2",
  tenantId: "84bd8158-6d4d-4958-8b9f-9d6445542f95",
  resourceData: { id: "2" },
};
const MICROSOFTS =
  "Validation: Testing client application reachability for subscription Request-Id: 522a8e7e-096a-494c";

const send = (value: unknown, secrets = [STATE]) => judge("microsoft-graph", webhook({ body: { value } }), { secrets });
const validate = (token: string, given: { body?: string; method?: string } = {}) =>
  judge("microsoft-graph", webhook({ url: `${HOOK}?validationToken=${encodeURIComponent(token)}`, ...given }), {
    secrets: [STATE],
  });

describe("Microsoft Graph's notifications", () => {
  test("pass with our client state, and are always new: a second change may be told in the same words", async () => {
    const other = { ...NOTICE, tenantId: "second", resource: "users/2" };
    expect(await send([NOTICE, other])).toEqual({
      kind: "event",
      event: {
        type: "created",
        tenants: [NOTICE.tenantId, "second"],
        id: null,
        idIsSigned: false,
        sentAtMs: null,
        alwaysNew: true,
      },
      secretId: "sec_0",
    });
    const lifecycle = { clientState: STATE, lifecycleEvent: "reauthorizationRequired", subscriptionId: "s" };
    expect(expectEvent(await send([lifecycle])).type).toBe("reauthorizationRequired");
    expect(expectEvent(await send([NOTICE, { ...NOTICE, changeType: "deleted" }])).type).toBeNull();
  });

  test("W-07 pass with either state of a rotation", async () => {
    expect(await send([NOTICE], ["the-new-one", STATE])).toMatchObject({ kind: "event", secretId: "sec_1" });
  });

  test("are refused when one among them has another state, or none", async () => {
    for (const state of ["another", undefined, "", 7, `${STATE} `]) {
      const verdict = await send([NOTICE, { ...NOTICE, clientState: state }]);
      expect(verdict).toEqual(refusal("signature_mismatch"));
    }
    expect(await send([{ ...NOTICE, clientState: undefined }])).toEqual(refusal("signature_missing"));
    expect(await send([{ ...NOTICE, clientState: "another" }])).toEqual(refusal("signature_mismatch"));
    // A state of each secret, but none that all of them have.
    expect(await send([NOTICE, { ...NOTICE, clientState: "old" }], [STATE, "old"])).toEqual(
      refusal("signature_mismatch"),
    );
  });

  test("fault 45 are refused in any other shape", async () => {
    for (const value of [undefined, null, [], {}, "x", [null], [[]], [NOTICE, 7]]) {
      expect(await send(value)).toEqual(refusal("signature_malformed"));
    }
    for (const body of ["", "null", "[", '{"__proto__":{"value":[]}}']) {
      const verdict = await judge("microsoft-graph", webhook({ body }), { secrets: [STATE] });
      expect(verdict).toEqual(refusal("signature_malformed"));
    }
  });

  test("fault 13 are our fault while no state is configured, not even an empty one matches", async () => {
    for (const secrets of [[], [""], ["  "]]) {
      expect(await send([{ ...NOTICE, clientState: "" }], secrets)).toEqual({ kind: "misconfigured" });
    }
  });

  test("are forwarded without the state", () => {
    const body = utf8(JSON.stringify({ value: [NOTICE, { ...NOTICE, resource: "users/2" }] }));
    const forwarded = new TextDecoder().decode(blankPointers(body, recipe.strips));
    expect(forwarded).not.toContain(STATE);
    expect(forwarded).toContain("users/2");
  });
});

describe("Microsoft Graph's validation", () => {
  test("is echoed as plain text that no browser sniffs", async () => {
    expect(await validate(MICROSOFTS)).toEqual({
      kind: "handshake",
      answer: {
        status: 200,
        contentType: "text/plain; charset=utf-8",
        body: MICROSOFTS,
        headers: { "x-content-type-options": "nosniff" },
      },
    });
  });

  test.each(["<script>alert(1)</script>", "a&lt;", '"x"', "a\r\nSet-Cookie: x", "", "x".repeat(1025), "\u00fc", "`"])(
    "fault 34 W-05 of %j is not",
    async (token) => {
      expect(await validate(token)).toEqual(refusal("handshake_refused", 400));
    },
  );

  test("fault 34 does not turn a notification into an echo", async () => {
    const body = JSON.stringify({ value: [NOTICE] });
    expect(await validate("word", { body })).toEqual(refusal("handshake_refused", 400));
  });
});
