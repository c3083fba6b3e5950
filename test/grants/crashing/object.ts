import { driverOf } from "../../../src/catalog/registry.ts";
import { mac } from "../../../src/crypto/mac.ts";
import { randomBytes } from "../../../src/crypto/random.ts";
import { ok } from "../../../src/errors.ts";
import type { GrantDeps } from "../../../src/grants/deps.ts";
import type { GrantStub } from "../../../src/grants/directory.ts";
import { grantName } from "../../../src/grants/name.ts";
import type {
  AuthorizationState,
  GrantIdentity,
  GrantTokenAnswer,
  GrantTokenRequest,
} from "../../../src/grants/protocol.ts";
import { db, keys } from "../../connectors/rows.ts";
import { replaying, seedProvider, URL_POLICY } from "./connector.ts";
import type { CrashPoint, Rotation, Stage } from "./names.ts";
import { type CrashScript, crashScripts } from "./points.ts";
import type { ScriptedProvider } from "./provider.ts";
import type { User } from "./run.ts";
import type { Grant } from "./worker.ts";

/** So far ahead that the platform never comes to fire an alarm by itself. */
const START_MS = Date.UTC(2126, 0, 1);
// The methods that a Grant calls, without the stub around them.
const OPEN_GATE = {
  acquire: async () => ok({ permit: "prm_1" }),
  report: async () => {},
} as unknown as ReturnType<GrantDeps["gate"]>;
const GROUP = { scopes: ["read"], resources: [], audience: [], authorizationDetails: [] };

/** What stands on the disk of the object. */
export interface OnDisk {
  state: AuthorizationState;
  /** The refresh token, in the clear. */
  refreshToken: string;
}

/** One Grant of a user, whose every step can be its last. The clock stands still unless it is moved. */
export async function crashObject(namespace: DurableObjectNamespace<Grant>, rotation: Rotation) {
  const connector = await seedProvider(rotation);
  const identity: GrantIdentity = {
    connectorId: connector.id,
    installationId: null,
    subject: { type: "user", namespace: null, issuer: null, id: "ada" },
    partition: "production",
  };
  const name = await grantName(identity);
  const request: GrantTokenRequest = {
    teamId: "team_test",
    identity,
    tenantId: null,
    connector: { type: "oauth", configRevision: 1, region: null, leaseSeconds: 60 },
    linkId: "lnk_1",
    scopeCeiling: null,
    groupId: "group",
    group: GROUP,
    narrow: false,
    snapshotVersion: "1",
    revokedBeforeMs: 0,
    validityBufferMs: 30_000,
    rejectedTokenId: null,
    leaseKey: null,
  };

  const state = {
    nowMs: START_MS,
    stage: "preparing" as Stage,
    /** Points of the refresh, in the order in which it came to them. */
    points: [] as CrashPoint[],
    deaths: 0,
    /** Two refreshes were under way at once. */
    overlapped: false,
    user: null as User | null,
  };
  let provider: ScriptedProvider | null = null;
  let isWatched = false;
  let plan: CrashPoint | null = null;
  let deathsLeft = 0;
  let underWay = 0;
  let pending = 0;
  let ordinal = 0;
  const counts = new Map<string, number>();

  function beginAttempt(): void {
    state.stage = "preparing";
    underWay = 0;
    counts.clear();
  }

  /** Places are those of `points.ts`. */
  function reach(place: string): boolean {
    if (!isWatched) return false;
    if (place === "provider, before") {
      state.stage = "asking";
      state.overlapped ||= ++underWay > 1;
    }
    if (place === "provider, after") underWay--;
    const { stage } = state;
    const occurrence = (counts.get(`${stage} ${place}`) ?? 0) + 1;
    counts.set(`${stage} ${place}`, occurrence);
    state.points.push({ stage, place, occurrence });
    const isHere = plan?.stage === stage && plan.place === place && plan.occurrence === occurrence;
    if (place === "permit, after") state.stage = "permitted";
    if (place === "provider, after") state.stage = "answered";
    if (place === "transaction, after its end" && stage === "answered") state.stage = "written";
    if (!isHere || deathsLeft === 0) return false;
    deathsLeft--;
    state.deaths++;
    pending = 0;
    beginAttempt();
    return true;
  }

  const deps: GrantDeps = {
    db: replaying(db),
    now: () => state.nowMs,
    keys: async () => keys,
    randomBytes,
    driverOf,
    urlPolicy: URL_POLICY,
    leases: { get: async (names) => names.map(() => null), put: async () => {} },
    log: { info() {}, warn() {}, error() {} },
    metrics: { record() {} },
    fetch: (sent) => (provider === null ? Promise.reject(new Error("nobody is there")) : provider.fetch(sent)),
    gate: () => OPEN_GATE,
  };
  const script: CrashScript = {
    deps,
    reach,
    deferred(change) {
      pending += change;
    },
  };
  crashScripts.set(name, script);

  const object = () => namespace.getByName(name);
  // The same methods over RPC: see GrantStub.
  const grant = () => object() as unknown as GrantStub;

  /** Until nothing is left that no caller waits for. */
  async function settled(): Promise<void> {
    while (pending > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  return Object.assign(state, {
    /** From now on what the object does is one refresh, and it dies at that point, so many times. */
    watch(on: boolean, at: CrashPoint | null = null, deaths = 1): void {
      isWatched = on;
      plan = at;
      deathsLeft = deaths;
      state.deaths = 0;
      state.points = [];
      beginAttempt();
    },

    /** The user authorizes, anew, at that provider. */
    async authorize(at: ScriptedProvider): Promise<void> {
      provider = at;
      ordinal++;
      const redirectUri = "https://connect.example.com/callback";
      const credential = { kind: "code", code: "code", codeVerifier: "verifier", redirectUri, nonce: "nonce" } as const;
      const asked = { ...request, ordinal, credential };
      const answer = await grant().authorize(asked);
      if (!answer.ok) throw new Error(`the authorization failed: ${answer.failure.code}: ${answer.failure.reason}`);
      await settled();
    },

    /** So many callers at once; null = the object died under one. */
    async ask(callers: number, change: Partial<GrantTokenRequest> = {}): Promise<(GrantTokenAnswer | null)[]> {
      const stub = grant();
      const all = Array.from({ length: callers }, () => stub.token({ ...request, ...change }));
      const answers = await Promise.allSettled(all);
      await settled();
      return answers.map((answer) => (answer.status === "fulfilled" ? answer.value : null));
    },

    /** The alarm, if it is due. */
    async ring(): Promise<void> {
      await object()
        .ring(state.nowMs)
        .catch((error) => {
          if (state.deaths === 0) throw error;
        });
      await settled();
    },

    async onDisk(): Promise<OnDisk> {
      const row = await object().onDisk();
      await settled();
      for (const refreshToken of provider?.refreshTokens ?? []) {
        const made = await mac(keys, "fingerprint", refreshToken);
        if (made?.mac === row.fingerprint) return { state: row.state, refreshToken };
      }
      throw new Error("the object holds a refresh token that its provider never gave");
    },
  });
}

export type CrashObject = Awaited<ReturnType<typeof crashObject>>;
