import { expect, vi } from "vitest";
import { z } from "zod";
import { type Json, text } from "./http.ts";
import { type Hook, sendHook } from "./provider-hooks.ts";
import type { Received, Receiver } from "./receiver.ts";
import type { Team } from "./team.ts";

/** A connector that receives webhooks. */
export interface Connected {
  uid: string;
  /** Of its routes. */
  path: string;
  ingressUrl: string;
  /** What the provider signs with. */
  secret: string;
}

export interface Destination {
  /** Its path at the receiver. */
  at: string;
  id: string;
  audience: string;
  signingSecret: string;
}

const deliveryList = z.object({
  deliveries: z.array(
    z.looseObject({ id: z.string(), state: z.string(), series: z.number(), attemptCount: z.number() }),
  ),
});
export type ListedDelivery = z.infer<typeof deliveryList>["deliveries"][number];

/** As soon as it does not throw any more. */
export function eventually<Found>(find: () => Found | Promise<Found>): Promise<Found> {
  return vi.waitFor(find, { timeout: 20_000, interval: 50 });
}

/** What tests of webhooks do, through the public API alone. */
export function triggerWorld({ server, owner, createConnector }: Team, receiver: Receiver) {
  const call = (status: number, method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: Json) =>
    server.expect(status, { method, path, token: owner, ...(body !== undefined && { body }) });

  /** What came of this event: no two events of a test have the same bytes. */
  const cameOf = ({ at }: Destination, { body }: Hook) =>
    receiver.at(at).filter((received) => received.body.equals(Buffer.from(body)));

  const world = {
    call,

    /** A connector that receives what this provider signs with the secret. */
    async connect(provider: string, secret: string, settings: Json = {}): Promise<Connected> {
      const uid = `hooks/${provider}`;
      const data = { values: [{ value: "a key" }] };
      await createConnector({ type: "api-key", uid, name: provider, service: provider, data, triggers: true });
      const path = `/v1/connect/connectors/${encodeURIComponent(uid)}`;
      const change = { enabled: true, provider, secrets: [secret], ...settings };
      const set = await call(200, "PUT", `${path}/triggers`, change);
      return { uid, path, secret, ingressUrl: text(set, "ingressUrl") };
    },

    async addDestination({ path }: Connected, at: string, fields: Json = {}): Promise<Destination> {
      const made = await call(201, "POST", `${path}/destinations`, { url: receiver.origin + at, ...fields });
      const [id, audience] = [text(made, "id"), text(made, "audience")];
      return { at, id, audience, signingSecret: text(made, "signingSecret") };
    },

    /** That event at that destination, once it has come exactly so often. */
    arrivals(destination: Destination, hook: Hook, count: number): Promise<Received[]> {
      return eventually(() => {
        const received = cameOf(destination, hook);
        expect(received).toHaveLength(count);
        return received;
      });
    },

    /** The first time that it comes, or another. */
    arrival(destination: Destination, hook: Hook, nth = 1): Promise<Received> {
      return eventually(() => {
        const received = cameOf(destination, hook)[nth - 1];
        if (received === undefined) throw new Error(`the event has not come ${nth} times to ${destination.at}`);
        return received;
      });
    },

    /** The provider sends it, and it comes. */
    async through(connected: Connected, destination: Destination, hook: Hook): Promise<Received> {
      expect(await sendHook(connected.ingressUrl, hook)).toBeLessThan(300);
      return world.arrival(destination, hook);
    },

    async deliveriesTo({ id }: Destination, eventId: string): Promise<ListedDelivery[]> {
      const path = `/v1/connect/deliveries?destination=${id}&event=${eventId}`;
      return deliveryList.parse(await call(200, "GET", path)).deliveries;
    },

    /** Once the log says so: lanes report a little after the fact. */
    deliveryIn(state: string, destination: Destination, eventId: string): Promise<ListedDelivery> {
      return eventually(async () => {
        const deliveries = await world.deliveriesTo(destination, eventId);
        const delivery = deliveries.find((each) => each.state === state);
        if (delivery === undefined) throw new Error(`no delivery is ${state}: ${JSON.stringify(deliveries)}`);
        return delivery;
      });
    },
  };
  return world;
}
