import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import type { GrantPolicy } from "../../src/catalog/driver.ts";
import type { GrantObject } from "../../src/grants/grant.ts";
import { seedTeam } from "../connectors/rows.ts";
import { type Scripted, type UserWorld, userWorld } from "./user-world.ts";
import { EVERYTHING, rows } from "./world.ts";

beforeAll(() => seedTeam());

/** Short, so that much of what happens is a refresh. */
const LIFETIME_MS = 60_000;
const GRACE_MS = 45_000;

/** Ways into the states that chance may miss. */
const REFUSED: Step[] = [
  { do: "mode", mode: "refuse" },
  { do: "wait", ms: LIFETIME_MS },
  { do: "ask", callers: 1 },
  { do: "wait", ms: 30_000 },
  { do: "alarm" },
];
const LOST: Step[] = [
  { do: "wait", ms: LIFETIME_MS },
  { do: "die" },
  { do: "mode", mode: "refuse" },
  { do: "ask", callers: 1 },
];

/** What the provider does with a refresh: `lost` = it does it, and the answer does not arrive. */
const MODES = ["ok", "refuse", "refuse", "lost", "down", "invalid_client", "limited"] as const;
type Mode = (typeof MODES)[number];
type Step =
  | { do: "ask"; callers: number }
  | { do: "mode"; mode: Mode }
  | { do: "wait"; ms: number }
  | { do: "alarm" | "restart" | "die" | "revoke" | "authorize" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("ask" as const), callers: fc.constantFrom(1, 1, 5) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("mode" as const), mode: fc.constantFrom(...MODES) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(1, 1_000, 20_000, 29_999, 30_000, LIFETIME_MS, LIFETIME_MS, 10 * LIFETIME_MS),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: "alarm" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "restart" as const }) },
  { weight: 2, arbitrary: fc.constant({ do: "die" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "revoke" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "authorize" as const }) },
);

/** The provider, and what a Grant can know of it. */
class Model {
  mode: Mode = "ok";
  readonly #world: UserWorld;
  readonly #rotation: GrantPolicy["rotation"];
  #issued = 0;
  /** Refresh tokens that the provider takes, and until when. */
  #honoured = new Map<string, number>();
  /** The one that arrived last. */
  held: string | null = null;
  /** Of the held one: refusals since it last worked, and whether the end of an attempt was not seen. */
  refusedAtMs: number[] = [];
  unknown = false;
  /** Access tokens of this authorization that arrived, and when they end. */
  received = new Map<string, number>();

  constructor(world: UserWorld, rotation: GrantPolicy["rotation"]) {
    this.#world = world;
    this.#rotation = rotation;
  }

  exchange(): Scripted {
    const [accessToken, refreshToken] = [`access-${++this.#issued}`, `refresh-${this.#issued}`];
    this.#honoured = new Map([[refreshToken, Number.POSITIVE_INFINITY]]);
    this.received = new Map();
    this.#arrived(accessToken, refreshToken);
    return { accessToken, refreshToken, expiresAtMs: this.#world.nowMs + LIFETIME_MS };
  }

  refresh(presented: string): Scripted {
    // Whatever the Grant sends is what it was given last; and it is spent only if it cannot know that.
    expect(presented).toBe(this.held);
    if (!this.honours(presented)) expect(this.unknown || this.refusedAtMs.length > 0).toBe(true);
    switch (this.mode) {
      case "refuse":
        return this.#refuse();
      case "invalid_client":
        return "upstream_invalid_client";
      case "limited":
        return { code: "upstream_rate_limited", retryAfterMs: 5_000 };
      case "down":
        this.unknown = true;
        return "upstream_unreachable";
      case "lost":
        this.unknown = true;
        this.#issue(presented);
        return "upstream_timeout";
      case "ok": {
        const issued = this.#issue(presented);
        if (issued === null) return this.#refuse();
        this.#arrived(issued.accessToken, issued.refreshToken);
        return { ...issued, expiresAtMs: this.#world.nowMs + LIFETIME_MS };
      }
    }
  }

  honours(refreshToken: string): boolean {
    return (this.#honoured.get(refreshToken) ?? 0) > this.#world.nowMs;
  }

  /** The Grant's object dies before the answer of the last refresh arrives. */
  diedWaiting(before: Pick<Model, "held" | "received">): void {
    this.held = before.held;
    this.received = before.received;
    this.unknown = true;
    this.refusedAtMs = [];
  }

  /** An access token that whoever asks has to be given. */
  alive(): string[] {
    return [...this.received].filter(([, endsAtMs]) => endsAtMs > this.#world.nowMs).map(([token]) => token);
  }

  #issue(presented: string): { accessToken: string; refreshToken: string } | null {
    if (!this.honours(presented)) {
      // Reuse of a spent token ends the family.
      if (this.#rotation === "strict") this.#honoured.clear();
      return null;
    }
    const accessToken = `access-${++this.#issued}`;
    if (this.#rotation === "stable") return { accessToken, refreshToken: presented };
    const refreshToken = `refresh-${this.#issued}`;
    if (this.#rotation === "strict") this.#honoured.clear();
    else this.#honoured.set(presented, Math.min(this.#honoured.get(presented) ?? 0, this.#world.nowMs + GRACE_MS));
    this.#honoured.set(refreshToken, Number.POSITIVE_INFINITY);
    return { accessToken, refreshToken };
  }

  #arrived(accessToken: string, refreshToken: string): void {
    this.held = refreshToken;
    this.refusedAtMs = [];
    this.unknown = false;
    this.received.set(accessToken, this.#world.nowMs + LIFETIME_MS);
  }

  #refuse(): Scripted {
    this.refusedAtMs.push(this.#world.nowMs);
    return "upstream_grant_refused";
  }
}

/** Runs the steps, and returns the states that the grant came to. */
async function run(rotation: GrantPolicy["rotation"], steps: Step[]): Promise<Set<string>> {
  const states = new Set<string>();
  const world = await userWorld({ rotation });
  const model = new Model(world, rotation);
  world.script.exchange = () => model.exchange();
  world.script.refresh = ({ refreshToken }) => model.refresh(refreshToken.expose());
  /** Objects that died waiting: they come to an end only when nothing is looked at any more. */
  const dead: { hanging: PromiseWithResolvers<void>; asked: Promise<unknown> }[] = [];

  await world.inside(async (first, storage, restart) => {
    let grant: GrantObject = first;
    /** Null = nobody authorized yet. */
    const stateOf = () => rows(storage, "authorization")[0]?.state ?? null;
    const isActive = () => stateOf() === "active";

    const checkState = () => {
      states.add(String(stateOf()));
      const [earliest = 0] = model.refusedAtMs;
      const latest = model.refusedAtMs.at(-1) ?? 0;
      if (stateOf() === "refused_upstream") {
        expect({ unknown: model.unknown, apart: latest - earliest >= 30_000 }).toEqual({ unknown: false, apart: true });
      }
      if (stateOf() === "lost_in_flight") {
        expect({ unknown: model.unknown, refused: model.refusedAtMs.length > 0 }).toEqual({
          unknown: true,
          refused: true,
        });
      }
      expect(world.script.mostUnderWay).toBeLessThan(2);
    };

    const ask = async (callers: number) => {
      const before = world.script.presented.length;
      const mustServe = stateOf() !== "revoked" && model.alive().length > 0;
      const answers = await Promise.all(Array.from({ length: callers }, () => grant.token(world.request())));
      expect(world.script.presented.length - before).toBeLessThan(4);
      for (const answer of answers) {
        if (mustServe) expect(answer.ok).toBe(true);
        if (answer.ok) {
          expect(stateOf()).not.toBe("revoked");
          expect(model.alive()).toContain(answer.value.token);
        } else if (!isActive()) {
          expect(answer.failure.code).toBe("user_authorization_required");
        }
      }
    };

    /** The object dies while it waits for the provider, if what is asked makes it wait. */
    const die = async () => {
      const before = { held: model.held, received: new Map(model.received) };
      const sent = world.script.presented.length;
      const hanging = Promise.withResolvers<void>();
      world.script.held = hanging.promise;
      const asked = grant.token(world.request());
      const waits = async () => {
        while (world.script.presented.length === sent) await new Promise((resolve) => setTimeout(resolve, 1));
      };
      await Promise.race([asked, waits()]);
      world.script.held = Promise.resolve();
      const diedWaiting = world.script.presented.length > sent && rows(storage, "attempts").length > 0;
      if (diedWaiting) {
        model.diedWaiting(before);
        dead.push({ hanging, asked });
      } else hanging.resolve();
      world.script.underWay = 0;
      grant = restart();
    };

    for (const step of steps) {
      if (step.do === "ask") await ask(step.callers);
      else if (step.do === "mode") model.mode = step.mode;
      else if (step.do === "wait") world.nowMs += step.ms;
      else if (step.do === "alarm") await grant.alarm();
      else if (step.do === "restart") grant = restart();
      else if (step.do === "die") await die();
      else if (step.do === "revoke") await grant.revoke(EVERYTHING);
      else await world.authorized(grant);
      checkState();
    }

    // The end: a provider that is well, and time. What it honours is not lost.
    model.mode = "ok";
    world.nowMs += 2 * LIFETIME_MS;
    const isHonoured = isActive() && model.held !== null && model.honours(model.held);
    for (let count = 0; count < 2; count++) {
      await ask(1);
      checkState();
      world.nowMs += 31_000;
    }
    const last = await grant.token(world.request());
    if (isHonoured) expect([stateOf(), last.ok]).toEqual(["active", true]);
    checkState();
    world.script.refresh = () => "upstream_unreachable";
    for (const { hanging, asked } of dead) {
      hanging.resolve();
      await asked;
    }
  });
  return states;
}

test.for(["stable", "grace", "strict"] as const)(
  "C-05 C-06 whatever happens in whatever order, a grant at a %s provider keeps its promises",
  { timeout: 300_000 },
  async (rotation) => {
    const reached = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        for (const state of await run(rotation, [{ do: "authorize" }, ...steps])) reached.add(state);
      }),
      { numRuns: 80, examples: [[REFUSED], [LOST], [[{ do: "revoke" }]]] },
    );
    expect([...reached].toSorted()).toEqual(["active", "lost_in_flight", "refused_upstream", "revoked"]);
  },
);
