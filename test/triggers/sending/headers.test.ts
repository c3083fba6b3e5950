import { describe, expect, test } from "vitest";
import { forwardedHeaders, nextHop } from "../../../src/triggers/sending/forwarded-headers.ts";

describe("fault 66 W-09: headers of the event", () => {
  test("the provider's own go on, in lower case, with the content type", () => {
    const headers = { "X-GitHub-Event": "push", "x-github-delivery": "d1" };
    expect(forwardedHeaders({ headers, contentType: "application/json" })).toEqual({
      "x-github-event": "push",
      "x-github-delivery": "d1",
      "content-type": "application/json",
    });
  });

  test.for([
    "authorization",
    "Authorization",
    "cookie",
    "set-cookie",
    "host",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "content-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "proxy-authorization",
    "proxy-connection",
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
    "x-trigger-secret",
    "x-vercel-oidc-token",
    "cf-connecting-ip",
    "webhook-id",
    "Webhook-Signature",
    "webhook-timestamp",
    "connect-delivery",
    "connect-hop",
    "CONNECT-ATTEMPT",
  ])("%s never does", (name) => {
    expect(forwardedHeaders({ headers: { [name]: "x" }, contentType: null })).toEqual({});
  });

  test("a value with a line break, a control character or a letter beyond Latin-1 stays behind, the rest goes on", () => {
    const headers = {
      "x-a": "1\r\nauthorization: Bearer stolen",
      "x-b": "1\nx-c: 2",
      "x-d": "\u0000",
      "x-e": "日本",
      "x f": "1",
      "x-g\r\nx-h": "1",
      "": "1",
      "x-ok": "1",
    };
    expect(forwardedHeaders({ headers, contentType: "text/plain\r\nx-i: 1" })).toEqual({ "x-ok": "1" });
  });
});

describe("E-11: events that go round in circles", () => {
  test("each hop is counted, and the fourth is not made", () => {
    const hop = (said?: string) => nextHop({ headers: said === undefined ? {} : { "connect-hop": said } });
    expect(hop()).toBe(1);
    expect(hop("1")).toBe(2);
    expect(hop("2")).toBe(3);
    for (const said of ["3", "9", "10", "-1", "", "x", "1.5", "1, 1"]) expect(hop(said)).toBeNull();
  });
});
