import { setTimeout as sleep } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { type Trigger, TriggerError, verifyTrigger } from "../../src/sdk/triggers/index.ts";
import { text } from "./http.ts";
import { githubHook, type Hook, sendHook, stripeHook, twilioHook } from "./provider-hooks.ts";
import { type Received, type Receiver, startReceiver } from "./receiver.ts";
import { refusal } from "./schemas.ts";
import { type Server, startServer } from "./server.ts";
import { setUpTeam, type Team } from "./team.ts";
import { type Connected, type Destination, eventually, triggerWorld } from "./trigger-world.ts";

let server: Server;
let team: Team;
let receiver: Receiver;
let world: ReturnType<typeof triggerWorld>;
let github: Connected;
let all: Destination;
let pulls: Destination;

beforeAll(async () => {
  server = await startServer();
  team = await setUpTeam(server);
  receiver = await startReceiver();
  world = triggerWorld(team, receiver);
  github = await world.connect("github", "the secret of the repository");
  all = await world.addDestination(github, "/all");
  pulls = await world.addDestination(github, "/pulls", { events: ["pull_request.*"] });
});
afterAll(async () => {
  receiver?.stop();
  await server?.stop();
});

/** The key set is fetched from the deployment. */
function verify({ url, headers, body }: Received, audience: string): Promise<Trigger> {
  const { authorization = "" } = headers;
  return verifyTrigger(new Request(url, { method: "POST", headers: { authorization }, body }), {
    issuer: server.origin,
    audience,
  });
}

const attempts = z.array(z.looseObject({ status: z.number().nullable() }));

async function eventCount(): Promise<number> {
  const { events } = await world.call(200, "GET", `/v1/connect/events?connector=${encodeURIComponent(github.uid)}`);
  return z.array(z.unknown()).parse(events).length;
}

const eventIdOf = ({ headers }: Received) => headers["webhook-id"] ?? "";
const pullRequest = () => ({ action: "opened", number: crypto.randomUUID() });
const send = (hook: Hook, { ingressUrl }: Connected = github) => sendHook(ingressUrl, hook);

describe("what a provider signs arrives", () => {
  test("from GitHub: the same bytes at each destination that wants them, signed for each", async () => {
    const pull = await githubHook(github.secret, pullRequest());
    const received = await world.through(github, pulls, pull);
    const first = await world.arrival(all, pull);
    expect(eventIdOf(first)).toBe(eventIdOf(received));
    for (const [destination, { headers, body, url }] of [
      [all, first],
      [pulls, received],
    ] as const) {
      expect(headers).toMatchObject({ "x-github-event": "pull_request", "content-type": "application/json" });
      new Webhook(destination.signingSecret).verify(body, headers);
      const trigger = await verify({ headers, body, url }, destination.audience);
      expect(trigger).toMatchObject({ eventId: eventIdOf(first), connector: { uid: github.uid } });
      expect(Buffer.from(trigger.body).equals(Buffer.from(pull.body))).toBe(true);
    }
    // One destination's secret is worth nothing at the other.
    expect(() => new Webhook(all.signingSecret).verify(received.body, received.headers)).toThrow();
  });

  test("only where it is wanted", async () => {
    const push = await githubHook(github.secret, { ref: crypto.randomUUID() }, "push");
    const received = await world.through(github, all, push);
    expect(received.headers["x-github-event"]).toBe("push");
    await world.deliveryIn("delivered", all, eventIdOf(received));
    expect(await world.deliveriesTo(pulls, eventIdOf(received))).toEqual([]);
    expect(await world.arrivals(pulls, push, 0)).toEqual([]);
  });

  test("from Stripe", async () => {
    const connected = await world.connect("stripe", `whsec_${"s".repeat(32)}`);
    const destination = await world.addDestination(connected, "/stripe", { events: ["charge.**"] });
    const hook = stripeHook(connected.secret, { id: "evt_stripe", object: "event", type: "charge.refunded", data: {} });
    const received = await world.through(connected, destination, hook);
    expect((await verify(received, destination.audience)).text()).toBe(hook.body);
  });

  test("from Twilio", async () => {
    const connected = await world.connect("twilio", "the auth token of the account");
    const destination = await world.addDestination(connected, "/twilio");
    const fields = {
      AccountSid: "AC1",
      MessageSid: "SM1",
      MessageStatus: "delivered",
      To: "+15558675310",
      Body: "a b&c",
    };
    const hook = twilioHook(connected.secret, connected.ingressUrl, fields);
    const received = await world.through(connected, destination, hook);
    expect(await verify(received, destination.audience)).toMatchObject({ tenantId: "AC1" });
    expect(received.body.toString()).toBe(hook.body);
  });
});

describe("what nobody signed, or nobody sent anew, does not", () => {
  test("a delivery id that comes again arrives once", async () => {
    const hook = await githubHook(github.secret, pullRequest());
    const received = await world.through(github, all, hook);
    await world.deliveryIn("delivered", all, eventIdOf(received));
    expect(await send(hook)).toBeLessThan(300);
    await eventually(async () => {
      const event = await world.call(200, "GET", `/v1/connect/events/${eventIdOf(received)}`);
      expect(event).toMatchObject({ duplicates: 1 });
    });
    expect(await world.deliveriesTo(all, eventIdOf(received))).toHaveLength(1);
    await world.arrivals(all, hook, 1);
  });

  test("W-01 a forged event, and a genuine one with another body, are refused and leave no trace", async () => {
    const events = await eventCount();
    const forged = await githubHook("a guess at the secret", pullRequest());
    const genuine = await githubHook(github.secret, pullRequest());
    const refused = [forged, { ...genuine, body: genuine.body.replace("opened", "closed") }];
    for (const hook of refused) expect(await send(hook)).toBe(401);
    // What is sent after them has arrived, so they would have.
    await world.through(github, all, genuine);
    for (const hook of refused) await world.arrivals(all, hook, 0);
    expect(await eventCount()).toBe(events + 1);
  });

  test("W-10 a request that one destination has got is refused by the other, and so is its token with another body", async () => {
    const hook = await githubHook(github.secret, pullRequest());
    const received = await world.through(github, pulls, hook);
    const replayed = { ...received, url: receiver.origin + all.at };
    expect(await refusedWith(verify(replayed, all.audience))).toBe("audience_mismatch");
    expect(await refusedWith(verify(replayed, pulls.audience))).toBe("request_mismatch");
    const changed = { ...received, body: Buffer.from(hook.body.replace("opened", "closed")) };
    expect(await refusedWith(verify(changed, pulls.audience))).toBe("body_mismatch");
    const answer = await server.send({
      method: "GET",
      path: "/v1/team",
      headers: { authorization: received.headers.authorization ?? "" },
    });
    expect(refusal(answer).status).toBe(401);
  });

  function refusedWith(verified: Promise<Trigger>): Promise<string> {
    return verified.then(
      () => "verified",
      (error: unknown) => (error instanceof TriggerError ? error.code : String(error)),
    );
  }
});

describe("W-07 secrets are replaced without a gap", () => {
  test("the provider's: the new one fits at once, the former until it is ended", async () => {
    const former = github.secret;
    github.secret = "the next secret of the repository";
    await world.call(200, "PUT", `${github.path}/triggers`, { secrets: [github.secret] });
    for (const secret of [github.secret, former]) {
      expect(await send(await githubHook(secret, pullRequest()))).toBeLessThan(300);
    }
    const last = "the last secret of the repository";
    await world.call(200, "PUT", `${github.path}/triggers`, { secrets: [last], previousSecretSeconds: 0 });
    expect(await send(await githubHook(last, pullRequest()))).toBeLessThan(300);
    for (const secret of [github.secret, former]) {
      expect(await send(await githubHook(secret, pullRequest()))).toBe(401);
    }
    github.secret = last;
  });

  test("a destination's: requests are signed with both", async () => {
    const destination = await world.addDestination(github, "/rotated");
    const rotated = await world.call(201, "POST", `${github.path}/destinations/${destination.id}/secrets`);
    const hook = await githubHook(github.secret, pullRequest());
    const { headers, body } = await world.through(github, destination, hook);
    expect(text(rotated, "signingSecret")).not.toBe(destination.signingSecret);
    for (const secret of [destination.signingSecret, text(rotated, "signingSecret")]) {
      new Webhook(secret).verify(body, headers);
    }
    await world.call(204, "DELETE", `${github.path}/destinations/${destination.id}`);
  });
});

describe("what goes wrong is seen and made good", () => {
  test("503 twice is followed by a third attempt, and the log shows all of them", async () => {
    const destination = await world.addDestination(github, "/flaky", { retrySchedule: [1, 1] });
    receiver.answer(destination.at, [503, 503]);
    const hook = await githubHook(github.secret, pullRequest());
    const eventId = eventIdOf(await world.through(github, destination, hook));
    const tried = await world.arrivals(destination, hook, 3);
    expect(tried.map(eventIdOf)).toEqual([eventId, eventId, eventId]);
    expect(tried.map(({ headers }) => headers["connect-attempt"])).toEqual(["1", "2", "3"]);
    const delivery = await world.deliveryIn("delivered", destination, eventId);
    expect(delivery).toMatchObject({ attemptCount: 3, endedBecause: "delivered" });
    const { events } = await world.call(200, "GET", `/v1/connect/events?connector=${encodeURIComponent(github.uid)}`);
    expect(events).toContainEqual(expect.objectContaining({ id: eventId, state: "dispatched" }));
    const shown = await world.call(200, "GET", `/v1/connect/deliveries/${delivery.id}`);
    expect(shown).toMatchObject({ attemptCount: 3, state: "delivered" });
    expect(attempts.parse(shown.attempts).map(({ status }) => status)).toEqual([503, 503, 204]);
    await world.call(204, "DELETE", `${github.path}/destinations/${destination.id}`);
  });

  test("a replay brings the same event with the same webhook-id", async () => {
    const hook = await githubHook(github.secret, pullRequest());
    const received = await world.through(github, pulls, hook);
    const delivery = await world.deliveryIn("delivered", pulls, eventIdOf(received));
    await world.call(201, "POST", `/v1/connect/deliveries/${delivery.id}/replay`);
    const again = await world.arrival(pulls, hook, 2);
    expect(eventIdOf(again)).toBe(eventIdOf(received));
    expect(again.headers).toMatchObject({ "connect-replay": "1", "connect-attempt": "1" });
    expect((await verify(again, pulls.audience)).deliveryId).not.toBe(delivery.id);
    expect((await world.deliveriesTo(pulls, eventIdOf(received))).map(({ series }) => series).toSorted()).toEqual([
      0, 1,
    ]);
  });

  test("what waits for a destination is canceled when that is deleted", async () => {
    const destination = await world.addDestination(github, "/removed", { retrySchedule: [3] });
    receiver.answer(destination.at, [503, 503]);
    const hook = await githubHook(github.secret, pullRequest());
    const received = await world.through(github, destination, hook);
    await world.call(204, "DELETE", `${github.path}/destinations/${destination.id}`);
    await world.deliveryIn("canceled", destination, eventIdOf(received));
    // Beyond the time at which the next attempt would have come.
    await sleep(4000);
    await world.arrivals(destination, hook, 1);
  });
});
