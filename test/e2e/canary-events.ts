import type { Haystack } from "./canaries.ts";
import { text } from "./http.ts";
import { githubHook, type Hook, sendHook } from "./provider-hooks.ts";
import { type Received, startReceiver } from "./receiver.ts";
import { readJournal } from "./stores.ts";
import type { Team } from "./team.ts";
import { type Connected, triggerWorld } from "./trigger-world.ts";

type Note = (name: string, secret: string) => void;

/**
 * Webhooks on every stretch of the way: in the journal, delivered, waiting for a destination that fails, too long for a
 * row, too long for memory, forged, and read by an operator. Notes every secret that was met, and what the payloads say.
 * Answers what the journal held: it holds nothing for long.
 */
export async function receiveEvents(team: Team, note: Note): Promise<Haystack[]> {
  const receiver = await startReceiver();
  const world = triggerWorld(team, receiver);
  const [former, secret] = [`former-of-the-provider-${crypto.randomUUID()}`, `of-the-provider-${crypto.randomUUID()}`];
  note("webhook secret (replaced)", former);
  note("webhook secret", secret);
  const github = await world.connect("github", former, { maxBodyBytes: 2 * MEBIBYTE, journal: true });
  await world.call(200, "PUT", `${github.path}/triggers`, { secrets: [secret] });
  const takes = await world.addDestination(github, "/takes");
  const fails = await world.addDestination(github, "/fails", { retrySchedule: [3600] });
  receiver.answer(fails.at, Array(100).fill(503));
  const rotated = await world.call(201, "POST", `${github.path}/destinations/${takes.id}/secrets`);
  const signingSecrets = [takes.signingSecret, fails.signingSecret, text(rotated, "signingSecret")];
  for (const [index, each] of signingSecrets.entries()) note(`signing secret ${index}`, each.replace("whsec_", ""));

  for (const [size, length] of Object.entries(PAYLOAD_LENGTHS)) {
    const hook = await hookOf(secret, size, length, note);
    const received = await world.through(github, takes, hook);
    await world.arrival(fails, hook);
    const eventId = received.headers["webhook-id"] ?? "";
    const delivery = await world.deliveryIn("delivered", takes, eventId);
    for (const shown of length < MEBIBYTE ? ["masked", "raw"] : ["masked"]) {
      await world.call(200, "GET", `/v1/connect/events/${eventId}?payload=${shown}`);
    }
    await world.call(201, "POST", `/v1/connect/deliveries/${delivery.id}/replay`);
    await world.arrival(takes, hook, 2);
  }
  await misplace(github, note);
  const journal = await fillJournal(team, github.ingressUrl, await hookOf(secret, "journal", 100, note));
  for (const received of [takes, fails].flatMap(({ at }) => receiver.at(at))) noteForwardToken(received, note);
  receiver.stop();
  return journal;
}

function noteForwardToken({ headers }: Received, note: Note): void {
  const { authorization = "", "connect-delivery": delivery, "connect-attempt": attempt } = headers;
  const token = authorization.replace("Bearer ", "");
  note(`forward token (${delivery}, ${attempt})`, token);
  note(`forward token (${delivery}, ${attempt}), its signature`, token.split(".")[2] ?? "");
}

/** While the event log cannot be written, the journal keeps what came. */
async function fillJournal({ server }: Team, ingressUrl: string, hook: Hook): Promise<Haystack[]> {
  const { EVENTS } = await server.worker.getEnv();
  await EVENTS.prepare("ALTER TABLE events RENAME TO events_away").run();
  await sendHook(ingressUrl, hook);
  const journal = await readJournal(server);
  await EVENTS.prepare("ALTER TABLE events_away RENAME TO events").run();
  return journal;
}

const MEBIBYTE = 1024 * 1024;
/** In the row, a blob, and a blob that is written in pieces. */
const PAYLOAD_LENGTHS = { short: 100, middle: 8 * 1024, long: MEBIBYTE + 100_000 };

/** An event that says something private, at its start and at its end. */
function hookOf(secret: string, size: string, length: number, note: Note): Promise<Hook> {
  const [start, end] = [`private-${crypto.randomUUID()}`, `private-${crypto.randomUUID()}`];
  note(`payload (${size}), its start`, start);
  note(`payload (${size}), its end`, end);
  return githubHook(secret, { action: "opened", start, filler: "x".repeat(length), end });
}

/** What is refused may say private things, too, and everything about it may be a secret. */
async function misplace({ ingressUrl }: Connected, note: Note): Promise<void> {
  const misplaced = `misplaced-in-a-webhook-${crypto.randomUUID()}`;
  note("misplaced in a webhook", misplaced);
  const forged = await githubHook("a guess", { [misplaced]: misplaced });
  await sendHook(`${ingressUrl}?token=${misplaced}&${misplaced}=1`, forged);
  const headers = { ...forged.headers, "x-hub-signature-256": misplaced, "x-github-delivery": misplaced };
  await sendHook(ingressUrl, { ...forged, headers: { ...headers, authorization: `Bearer ${misplaced}` } });
  await sendHook(new URL(`/hooks/${misplaced}`, ingressUrl).href, forged);
}
