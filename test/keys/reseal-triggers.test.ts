import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { unwrap } from "../../src/errors.ts";
import { openDestinationSecrets } from "../../src/triggers/settings/destination-secrets.ts";
import { destinationsOf } from "../../src/triggers/settings/destination-store.ts";
import { openTriggerSecrets } from "../../src/triggers/settings/trigger-secrets.ts";
import { findTrigger } from "../../src/triggers/settings/trigger-store.ts";
import { setUp } from "../support/api.ts";
import { deploy, dropped, prepared, referencesOf, reset, rotated, untilResealed } from "./support.ts";

beforeEach(reset);

test("D-05 secrets of triggers and destinations are re-sealed; payloads keep their key until they expire", async () => {
  const old = await deploy(prepared());
  const { owner, teamId } = await setUp(old.api);
  const made = await old.api.post(
    "/v1/connect/connectors",
    { type: "api-key", name: "K", service: "github", triggers: true, data: { values: [{ value: "k" }] } },
    owner,
  );
  const connector = made.body.id;
  const path = `/v1/connect/connectors/${connector}`;
  await old.api.put(`${path}/triggers`, { secrets: ["provider-secret"] }, owner);
  const destination = await old.api.post(`${path}/destinations`, { url: "https://hooks.acme.com/in" }, owner);
  await env.EVENTS.prepare(
    `INSERT INTO events (id, connector_id, dedup_key, dedup_signed, tenants, received_at_ms, headers, size, body_sha256,
       state, body_sealed, body_kid, expires_at_ms)
     VALUES ('evt_a', ?, 'k', 1, '[]', 1, '{}', 0, '', 'unrouted', 'sealed', 'k1', 9000000000000000)`,
  )
    .bind(connector)
    .run();

  const now = await deploy(rotated());
  const before = (await now.api.get("/v1/keys", owner)).body;
  expect(referencesOf(before, "k1")).toMatchObject({ triggers: 1, destinations: 1, events: 1 });
  await now.api.post("/v1/keys/reseal", undefined, owner);
  await untilResealed();
  const after = (await now.api.get("/v1/keys", owner)).body;
  expect(after.reseal.state).toBe("done");
  expect(referencesOf(after, "k2")).toMatchObject({ triggers: 1, destinations: 1, events: 0 });
  expect(referencesOf(after, "k1")).toMatchObject({ triggers: 0, destinations: 0, events: 1 });
  // Its payload is still to be delivered or replayed.
  expect(after.keys.find(({ kid }: { kid: string }) => kid === "k1").mayBeDropped).toBe(false);

  const { keys, db } = (await deploy(dropped())).services;
  const trigger = await findTrigger(db, connector);
  const [stored] = await destinationsOf(db, connector);
  if (trigger === null || stored === undefined) throw new Error("a row is gone");
  const [provider] = unwrap(await openTriggerSecrets(keys, teamId, trigger));
  expect(provider?.value.expose()).toBe("provider-secret");
  const [own] = unwrap(await openDestinationSecrets(keys, teamId, stored));
  expect(own?.value.expose()).toBe(destination.body.signingSecret);
  // A key that only a payload needs is missed, too.
  const unhealthy = await (await deploy(dropped())).api.get("/health");
  expect([unhealthy.status, unhealthy.body.error.code]).toEqual([503, "key_missing"]);
});
