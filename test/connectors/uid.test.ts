import { describe, expect, test } from "vitest";
import { checkUid, generatedUid, isConnectorId } from "../../src/connectors/uid.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { newId } from "../../src/store/ids.ts";

const code = (text: string) => {
  const checked = checkUid(text);
  return checked.ok ? "ok" : checked.failure.code;
};

describe("uid grammar", () => {
  test.for([
    "slack/acme",
    "oauth/linear",
    "a",
    "0",
    "mcp.linear.app/my-conn",
    "a/b/c",
    "x_y-z.9/q",
    "mcp.vercel.com/x",
  ])("%s is a uid", (uid) => {
    expect(checkUid(uid)).toEqual({ ok: true, value: uid });
  });

  test.for([
    "sl\u0430ck/acme", // Cyrillic а
    "SLACK/acme",
    "slack/Acme",
    "slack/acme.",
    "slack./acme",
    "\uff53lack/acme", // full-width s, NFKC of which is ASCII
    "slack/acme\u200b",
    "slack%2Facme",
    "slack/a#b",
    "slack acme",
    "slack/acme\n",
    "\u0000",
    "slack/\u0085",
    "",
    "/",
    "slack/",
    "/acme",
    "slack//acme",
    "-slack/acme",
    ".slack/acme",
    "../acme",
    "a".repeat(129),
  ])("D-10 %j is refused as invalid_uid", (uid) => {
    expect(code(uid)).toBe("invalid_uid");
  });

  test.for(["scl_x", "sca_x", "sci_x/y", "store_x", "ir_x", "vc/x", "api.vercel.com/x", "x.mcp.vercel.com/x"])(
    "B-11 the reserved name %s is refused as invalid_uid",
    (uid) => {
      expect(code(uid)).toBe("invalid_uid");
    },
  );

  test("B-11 no connector id passes for a uid, and no uid for an id", () => {
    const id = newId("scl", randomBytes);
    expect(isConnectorId(id)).toBe(true);
    expect(code(id)).toBe("invalid_uid");
    expect(isConnectorId("slack/acme")).toBe(false);
    expect(isConnectorId(`${id}0`)).toBe(false);
  });
});

describe("generated uids", () => {
  test.for([
    [{ service: "slack", type: "custom", name: "Acme Prod" }, 1, "slack/acme-prod"],
    [{ service: "slack", type: "custom", name: "Acme Prod" }, 3, "slack/acme-prod-3"],
    [{ service: "auth.example.com", type: "oauth", name: "Über-Café" }, 1, "auth.example.com/uber-cafe"],
    [{ service: "api.vercel.com", type: "oauth", name: "x" }, 1, "oauth/x"],
    [{ service: "127.0.0.1:4000", type: "oauth", name: "日本" }, 1, "127.0.0.1-4000/connector"],
  ] as const)("%o number %i gives %s", ([names, number, uid]) => {
    expect(generatedUid(names, number)).toBe(uid);
  });

  test.for(["...", "ir_", "scl_1", "vc", "X".repeat(300), "-", "\u0000", "a/b/c", "%2e"])(
    "D-10 whatever the names are (%j), the result is a uid",
    (text) => {
      const uid = generatedUid({ service: text, type: "oauth", name: text }, 99_999);
      expect(checkUid(uid)).toEqual({ ok: true, value: uid });
    },
  );
});
