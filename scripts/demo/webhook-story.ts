import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { type Call, type Json, request, text } from "./api.ts";
import { type EventReceiver, type Received, startEventReceiver } from "./event-receiver.ts";
import type { Scene } from "./scene.ts";
import { githubEvent, type SignedEvent, slackEvent } from "./signed-events.ts";
import type { Shown } from "./transcript.ts";

const CODE = "acme/code";
const CHAT = "acme/chat";
/** Seconds before each further attempt: the demo has no patience. */
const IMPATIENT = [1, 1, 1];
const DELIVERED_WITHIN_MS = 20_000;

/** Providers' webhooks arrive verified at the app, a forged one does not, and a failing app gets its event in the end. */
export async function tellWebhookStory(scene: Scene, accessToken: string): Promise<void> {
  const receiver = await startEventReceiver(scene.origin);
  try {
    scene.transcript.heading("Receive webhooks, as the operator");
    const secrets = { [CODE]: randomBytes(20).toString("hex"), [CHAT]: randomBytes(16).toString("hex") };
    const code = await connect(scene, accessToken, CODE, { provider: "github", secret: secrets[CODE] });
    const chat = await connect(scene, accessToken, CHAT, { provider: "slack", secret: secrets[CHAT] });
    await addDestination(scene, accessToken, receiver, { connector: CODE, path: "/github" });
    await addDestination(scene, accessToken, receiver, { connector: CHAT, path: "/slack" });

    scene.transcript.heading("The providers send events");
    await send(scene, "GitHub tells of a pull request", code, githubEvent(secrets[CODE], "Round up"), 200);
    await arrival(scene, receiver, "/github", "It arrives at the app, verified");
    await send(scene, "Slack tells of a message", chat, slackEvent(secrets[CHAT], "Paid?"), 200);
    await arrival(scene, receiver, "/slack", "It arrives, with the workspace that it is from");
    await send(scene, "A stranger tells of a pull request: refused", code, githubEvent("guessed", "Pay me"), 401);

    scene.transcript.heading("An app that fails for a while");
    const failing = { connector: CODE, path: "/failing", failures: 2, retrySchedule: IMPATIENT };
    const destination = await addDestination(scene, accessToken, receiver, failing);
    await send(scene, "GitHub tells of another pull request", code, githubEvent(secrets[CODE], "Round down"), 200);
    await arrival(scene, receiver, "/failing", "The app gets it when it is back");
    await showAttempts(scene, accessToken, destination);
  } finally {
    await receiver.stop();
  }
}

/** A connector that receives; returns the URL that its provider is to call. */
async function connect(
  { transcript, origin }: Scene,
  token: string,
  uid: string,
  { provider, secret = "" }: { provider: string; secret: string | undefined },
): Promise<string> {
  const data = { values: [{ value: `key_${crypto.randomUUID()}` }] };
  const body = { type: "api-key", uid, name: uid === CODE ? "Acme Code" : "Acme Chat", data };
  await transcript.step(`Register ${uid}`, () =>
    request(origin, {
      method: "POST",
      path: "/v1/connect/connectors",
      token,
      body,
      expect: 201,
      show: (answer) => ({ uid: text(answer, "uid") }),
    }),
  );
  const call: Call = {
    method: "PUT",
    path: `/v1/connect/connectors/${encodeURIComponent(uid)}/triggers`,
    token,
    body: { enabled: true, provider, secrets: [secret] },
    expect: 200,
    show: (answer) => ({ ingress: text(answer, "ingressUrl") }),
  };
  const settings = await transcript.step(`Receive what ${provider} sends, with its signing secret`, () =>
    request(origin, call),
  );
  return text(settings, "ingressUrl");
}

interface Place {
  connector: string;
  path: string;
  failures?: number;
  retrySchedule?: number[];
}

/** Returns its id. */
export async function addDestination(
  { transcript, origin }: Scene,
  token: string,
  receiver: EventReceiver,
  { connector, path, failures = 0, retrySchedule }: Place,
): Promise<string> {
  const body: Json = { url: receiver.origin + path, ...(retrySchedule !== undefined && { retrySchedule }) };
  const call: Call = {
    method: "POST",
    path: `/v1/connect/connectors/${encodeURIComponent(connector)}/destinations`,
    token,
    body,
    expect: 201,
    show: (answer) => ({ id: text(answer, "id"), audience: text(answer, "audience") }),
  };
  const created = await transcript.step(`Forward events of ${connector} to ${path}`, () => request(origin, call));
  receiver.expect(path, text(created, "audience"), failures);
  return text(created, "id");
}

async function send(
  { transcript }: Scene,
  title: string,
  url: string,
  { headers, body }: SignedEvent,
  expect: number,
): Promise<void> {
  await transcript.step(title, async () => {
    const startedMs = performance.now();
    const answer = await fetch(url, { method: "POST", headers, body });
    const elapsedMs = performance.now() - startedMs;
    await answer.arrayBuffer();
    if (answer.status !== expect) throw new Error(`The ingress answered ${answer.status}, not ${expect}.`);
    const { pathname } = new URL(url);
    return { value: null, shown: { method: "POST", path: pathname, status: answer.status, elapsedMs, fields: {} } };
  });
}

/** The next event at that path. */
export async function arrival(
  { transcript }: Scene,
  receiver: EventReceiver,
  path: string,
  title: string,
): Promise<Received> {
  return await transcript.step(title, async () => {
    const startedMs = performance.now();
    const value = await receiver.next(path);
    const { trigger, headers } = value;
    const fields: Shown["fields"] = {
      event: trigger.eventId,
      connector: trigger.connector.uid,
      tenant: trigger.tenantId ?? "none",
      ...(trigger.installationId !== undefined && { installation: trigger.installationId }),
      attempt: String(headers["connect-attempt"]),
    };
    const elapsedMs = performance.now() - startedMs;
    return { value, shown: { method: "POST", path: receiver.origin + path, status: 204, elapsedMs, fields } };
  });
}

/** The attempts of the one delivery to that destination. */
async function showAttempts({ transcript, origin }: Scene, token: string, destination: string): Promise<void> {
  await transcript.step("Read what was tried", async () => {
    const list: Call = { method: "GET", path: `/v1/connect/deliveries?destination=${destination}`, token, expect: 200 };
    const deadlineMs = Date.now() + DELIVERED_WITHIN_MS;
    for (;;) {
      const { value } = await request(origin, list);
      const [delivery] = value.deliveries as Json[];
      const id = text(delivery ?? {}, "id");
      const { value: one, shown } = await request(origin, { ...list, path: `/v1/connect/deliveries/${id}` });
      const attempts = one.attempts as { status: number | null; outcome: string }[];
      const fields = {
        state: text(one, "state"),
        attempts: attempts.map(({ status, outcome }) => `${status} ${outcome}`).join(", "),
      };
      if (one.state === "delivered" && attempts.length === 3) return { value: null, shown: { ...shown, fields } };
      if (Date.now() > deadlineMs) throw new Error(`The delivery is ${JSON.stringify(fields)}.`);
      await sleep(200);
    }
  });
}
