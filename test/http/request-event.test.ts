import { beforeEach, describe, expect, test } from "vitest";
import { REQUEST_FIELDS } from "../../src/http/request-event.ts";
import { clock } from "../support/clock.ts";
import { ask, type Isolate, isolate, scene } from "../support/connect.ts";
import { trustedWorkload } from "../support/workload.ts";

beforeEach(() => clock.reset());

const eventsOf = ({ services }: Isolate) =>
  services.lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "request");

describe("the line of a request", () => {
  test("tells who asked for what, how it was found and how long it holds", async () => {
    const at = await isolate();
    const scened = await scene(at.api, "line");
    const workload = await trustedWorkload(at.api, scened);
    at.services.lines.length = 0;
    const runtime = await workload.sign();
    const answers = [await ask(at.api, { uid: scened.uid, runtime }), await ask(at.api, scened)];
    const [cold, warm] = eventsOf(at);
    expect(cold).toEqual({
      level: "info",
      event: "request",
      requestId: answers[0]?.headers.get("x-request-id"),
      method: "POST",
      route: "/v1/connect/token/:c",
      status: 200,
      durationMs: expect.any(Number),
      caller: "workload",
      projectId: scened.projectId,
      environment: "production",
      connectorId: scened.connectorId,
      connectorUid: scened.uid,
      connectorType: "oauth",
      subjectType: "app",
      rung: "grant",
      minted: true,
      leaseLeftMs: expect.any(Number),
    });
    expect(cold.leaseLeftMs).toBeGreaterThan(50_000);
    expect(warm).toMatchObject({ caller: "access-token", callerId: expect.any(String), rung: "memory", minted: false });
    // An id to find the token by, and not a part of its text that would help anyone.
    const beforeSecret = `vk_${warm.callerId}_`;
    expect(scened.runtime.startsWith(beforeSecret)).toBe(true);
    expect(at.services.lines.join()).not.toContain(scened.runtime.slice(beforeSecret.length, beforeSecret.length + 8));
  });

  test("names the connector even when its provider or our own checks refuse", async () => {
    const at = await isolate();
    const scened = await scene(at.api, "refused-line");
    await scened.upstream.control({ mode: "status/500" });
    at.services.lines.length = 0;
    await ask(at.api, scened);
    await ask(at.api, scened, { scopes: ["write"], subject: { type: "user", id: "u" } });
    await ask(at.api, scened, { installationId: "ins_1" });
    const known = { connectorId: scened.connectorId, connectorUid: scened.uid, projectId: scened.projectId };
    expect(eventsOf(at)).toMatchObject([
      { level: "error", ...known, status: 502, errorCode: "upstream_unreachable", reason: expect.any(String) },
      { level: "warn", status: 403, errorCode: "forbidden" },
      { level: "warn", ...known, status: 422, errorCode: "client_installation_required" },
    ]);
  });

  test("never tells whom a token was for", async () => {
    const at = await isolate();
    const scened = await scene(at.api, "subject-line");
    const workload = await trustedWorkload(at.api, scened);
    at.services.lines.length = 0;
    const subject = { type: "user", id: "somebody@example.com", issuer: "https://people.example.com" };
    await ask(at.api, { uid: scened.uid, runtime: await workload.sign() }, { subject });
    expect(eventsOf(at)).toMatchObject([{ subjectType: "user" }]);
    expect(at.services.lines.join()).not.toMatch(/somebody|people\.example/);
  });

  test("has no field that is not listed", async () => {
    const at = await isolate();
    const scened = await scene(at.api, "fields");
    await ask(at.api, scened);
    await ask(at.api, { uid: "oauth/none", runtime: scened.runtime });
    await at.api.get("/nowhere");
    const fields = eventsOf(at).flatMap((event) => Object.keys(event));
    expect(fields.length).toBeGreaterThan(30);
    const listed: string[] = ["level", "event", ...REQUEST_FIELDS];
    expect(fields.filter((field) => !listed.includes(field))).toEqual([]);
    expect(at.services.lines.join()).not.toContain("[redacted]");
  });
});
