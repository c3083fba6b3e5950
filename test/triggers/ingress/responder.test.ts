import { beforeEach, describe, expect, test } from "vitest";
import { createGuardedFetch } from "../../../src/outbound/guarded-fetch.ts";
import type { EventFilter } from "../../../src/triggers/settings/destination.ts";
import { newDestinationSecret, sealDestinationSecrets } from "../../../src/triggers/settings/destination-secrets.ts";
import { insertDestination } from "../../../src/triggers/settings/destination-store.ts";
import { type Ingress, ingress } from "./hooks.ts";

const BODY = '{"ref":"refs/heads/main","team":"a"}';
const URL_OF_DESTINATION = "https://responder.acme.com/hook";

let at: Ingress;
let calls: Request[];
let next: (request: Request) => Response | Promise<Response>;
beforeEach(async () => {
  calls = [];
  next = () => Response.json({ text: "done" });
  const network: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    calls.push(request);
    return next(request);
  };
  const policy = { ownHosts: [], allowLoopback: true };
  at = await ingress({ fetch: createGuardedFetch({ fetch: network, policy }) });
});

let destinations = 0;

/** A connector whose provider is answered by a destination. */
async function withResponder(
  fields: { events?: string[]; filter?: EventFilter; timeoutMs?: number; journal?: boolean } = {},
) {
  const { journal = false, events = null, filter = null, timeoutMs = 10_000 } = fields;
  const trigger = await at.trigger({ journal });
  const id = `dst_responder${++destinations}`;
  const secrets = await sealDestinationSecrets(at.services, at.teamId, { id, secretsGeneration: 1 }, [
    newDestinationSecret(at.services),
  ]);
  const insert = insertDestination({
    id,
    connectorId: trigger.connectorId,
    projectId: null,
    environment: null,
    url: URL_OF_DESTINATION,
    givenUrl: URL_OF_DESTINATION,
    path: null,
    branch: null,
    audience: "https://responder.acme.com",
    events,
    filter,
    ordered: false,
    lanes: 1,
    retrySchedule: [5],
    timeoutMs,
    maxInFlight: 5,
    ratePerSecond: null,
    responder: true,
    disabledReason: null,
    storedReason: null,
    ...secrets,
    revision: 1,
    createdAtMs: 1,
    updatedAtMs: 1,
  });
  if ((await at.services.db.run(insert)) !== 1) throw new Error("no destination was stored");
  return { ...trigger, destinationId: id };
}

describe("a responder", () => {
  test("answers the provider itself, and that was the first attempt of its delivery", async () => {
    const { ingressId, destinationId } = await withResponder();
    const answer = await at.deliver(ingressId, BODY);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
    expect(JSON.parse(answer.text)).toEqual({ text: "done" });
    expect(await calls[0]?.text()).toBe(BODY);
    expect(calls[0]?.headers.get("connect-attempt")).toBe("1");
    expect(at.queue.last.responded).toMatchObject({ destinationId, attempt: { outcome: "delivered", status: 200 } });
  });

  test("that fails leaves the usual acknowledgement, and its lane the second attempt", async () => {
    const { ingressId } = await withResponder();
    const failures: [typeof next, string][] = [
      [() => new Response("no", { status: 500 }), "rejected"],
      [() => Response.redirect("https://elsewhere.acme.com/", 302), "redirect_refused"],
      [() => Promise.reject(new Error("Network connection lost.")), "network"],
    ];
    for (const [how, outcome] of failures) {
      next = how;
      const answer = await at.deliver(ingressId, BODY);
      expect([answer.status, answer.text]).toEqual([200, ""]);
      expect(at.queue.last.responded?.attempt.outcome).toBe(outcome);
    }
  });

  test("that hangs is waited for no longer than providers wait", async () => {
    const { ingressId } = await withResponder({ timeoutMs: 300 });
    next = () => new Promise(() => {});
    expect((await at.deliver(ingressId, BODY)).status).toBe(200);
    expect(at.queue.last.responded?.attempt).toMatchObject({ outcome: "timeout", status: null });
  });

  test("cannot have a page shown in the name of this host, nor more than 64 KiB sent", async () => {
    const { ingressId } = await withResponder();
    const html = { headers: { "content-type": "text/html" } };
    for (const how of [() => new Response("<script>", html), () => new Response("x".repeat(65_537))]) {
      next = how;
      const answer = await at.deliver(ingressId, BODY);
      expect([answer.status, answer.text]).toEqual([200, ""]);
    }
    next = () => new Response("x".repeat(65_536), { headers: { "content-type": "text/plain", "set-cookie": "a=b" } });
    const answer = await at.deliver(ingressId, BODY);
    expect([answer.text.length, answer.headers.get("set-cookie")]).toEqual([65_536, null]);
  });

  test("cannot run a script here by a media type in a media type's parameter, nor by XML", async () => {
    const { ingressId } = await withResponder();
    // Browsers take the last of several types that one field, or two, name.
    for (const type of ["text/plain;a=b, text/html", "application/json; a, text/html;", "text/plain, text/html"]) {
      next = () => new Response("<script>alert(1)</script>", { headers: { "content-type": type } });
      const answer = await at.deliver(ingressId, BODY);
      expect([type, answer.status, answer.text]).toEqual([type, 200, ""]);
    }
    const script = '<a xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></a>';
    next = () => new Response(script, { headers: { "content-type": "text/xml; charset=utf-8" } });
    const { text, headers } = await at.deliver(ingressId, BODY);
    const policy = headers.get("content-security-policy");
    expect([text, headers.get("content-type"), policy]).toEqual([
      script,
      "text/xml; charset=utf-8",
      expect.any(String),
    ]);
    expect(policy?.split("; ")).toContain("sandbox");
  });

  test("is asked about events that it wants, and only once they are verified", async () => {
    const picky = await withResponder({ events: ["issues"] });
    await at.deliver(picky.ingressId, BODY);
    const filtered = await withResponder({ filter: { equals: { "/team": "b" } } });
    await at.deliver(filtered.ingressId, BODY);
    const { ingressId } = await withResponder();
    await at.deliver(ingressId, BODY, { secret: "a guess" });
    expect(calls).toEqual([]);
    expect(at.queue.sent.map(({ responded }) => responded)).toEqual([null, null]);
    await at.deliver(filtered.ingressId, '{"team":"b"}');
    expect(calls.length).toBe(1);
  });

  test("whose answer is there while the event cannot be stored does not acknowledge it", async () => {
    const { ingressId } = await withResponder();
    at.queue.next = ["throw", "throw"];
    expect((await at.deliver(ingressId, BODY)).status).toBe(503);
  });

  test("gets an event through the journal, too", async () => {
    const { ingressId } = await withResponder({ journal: true });
    expect(JSON.parse((await at.deliver(ingressId, BODY)).text)).toEqual({ text: "done" });
    expect(at.queue.last.responded?.attempt.outcome).toBe("delivered");
  });
});
