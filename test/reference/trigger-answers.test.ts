import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { ANSWERS } from "../../src/reference/answers.ts";
import { recordAttempts } from "../../src/triggers/events/delivery-store.ts";
import { messageText } from "../../src/triggers/events/message-codec.ts";
import { apiKeyBody, created, newWorld } from "../connectors/world.ts";
import { recordingLanes } from "../triggers/settings/lanes.ts";
import { TRIGGER_ANSWERS } from "./trigger-answers.ts";

test("answers about triggers have the shapes that the document gives them", async () => {
  const world = await newWorld({ lanes: recordingLanes().directory });
  const { api, owner, services, projectA: projectId } = world;
  const connectorId = await created(world, apiKeyBody());
  const seen: string[] = [];
  const check = (route: string, answer: { status: number; body: unknown }) => {
    const expected = ANSWERS[route];
    const parsed = expected?.body.safeParse(answer.body);
    expect([route, answer.status, parsed?.error?.issues ?? []]).toEqual([route, expected?.status, []]);
    seen.push(route);
  };
  const base = `/v1/connect/connectors/${connectorId}`;
  const route = "/v1/connect/connectors/:c";
  const on = { enabled: true, provider: "github", secrets: ["a secret of a provider"] };
  check(`PUT ${route}/triggers`, await api.put(`${base}/triggers`, on, owner));
  const typed = { destinations: [{ projectId }] };
  check(`PATCH ${route}/trigger-destinations`, await api.patch(`${base}/trigger-destinations`, typed, owner));
  const made = await api.post(`${base}/destinations`, { url: "https://hooks.acme.com/in", filter: {} }, owner);
  check(`POST ${route}/destinations`, made);
  const one = `${base}/destinations/${made.body.id}`;
  check(`GET ${route}/destinations/:id`, await api.get(one, owner));
  check(`PATCH ${route}/destinations/:id`, await api.patch(one, { enabled: true }, owner));
  check(`POST ${route}/destinations/:id/secrets`, await api.post(`${one}/secrets`, {}, owner));
  const sent = await api.post(`${one}/test`, undefined, owner);
  check(`POST ${route}/destinations/:id/test`, sent);
  check("GET /v1/connect/events/:id", await api.get(`/v1/connect/events/${sent.body.eventId}`, owner));
  const delivery = `/v1/connect/deliveries/${sent.body.id}`;
  await recordAttempts(services.events, [
    {
      deliveryId: sent.body.id,
      attempts: [{ id: "att_1", startedAtMs: 1, durationMs: 1, status: 500, outcome: "rejected", response: "no" }],
      attemptCount: 1,
      state: "dead",
      endedBecause: "attempts_exhausted",
      nextAttemptAtMs: null,
      updatedAtMs: 1,
    },
  ]);
  check("GET /v1/connect/deliveries/:id", await api.get(delivery, owner));
  const again = await api.post(`${delivery}/replay`, undefined, owner);
  check("POST /v1/connect/deliveries/:id/replay", again);
  const cancel = await api.post(`/v1/connect/deliveries/${again.body.id}/cancel`, undefined, owner);
  check("POST /v1/connect/deliveries/:id/cancel", cancel);
  const replay = await api.post("/v1/connect/replays", { connector: connectorId }, owner);
  check("POST /v1/connect/replays", replay);
  check("GET /v1/connect/replays/:id", await api.get(`/v1/connect/replays/${replay.body.id}`, owner));
  const message = messageText({ v: 1 });
  await env.EVENTS.prepare(
    `INSERT INTO dead_letters (id, reason, message, created_at_ms, expires_at_ms)
     VALUES ('letter', 'unreadable', ?, 5, 9000000000000000)`,
  )
    .bind(message)
    .run();
  for (const path of ["triggers", "destinations"]) {
    check(`GET ${route}/${path}`, await api.get(`${base}/${path}`, owner));
  }
  for (const path of ["events", "deliveries", "replays", "dead-letters"]) {
    check(`GET /v1/connect/${path}`, await api.get(`/v1/connect/${path}`, owner));
  }
  // One that can be sent again is a matter of the event log.
  const rest = TRIGGER_ANSWERS.filter((name) => !seen.includes(name));
  expect(rest).toEqual(["POST /v1/connect/dead-letters/:id/replay"]);
});
