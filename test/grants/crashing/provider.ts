import { utf8 } from "../../../src/crypto/bytes.ts";
import { type ErrorCode, fail, ok, type Result } from "../../../src/errors.ts";
import type { GuardedFetch, OutboundResponse } from "../../../src/outbound/guarded-fetch.ts";
import { NETWORKS, type Network, ROTATIONS, type Rotation } from "./names.ts";

export function isRotation(text: string | null): text is Rotation {
  return ROTATIONS.some((rotation) => rotation === text);
}

export function isNetwork(text: string | null): text is Network {
  return NETWORKS.some((network) => network === text);
}

/** How the network's failure looks from here: a failure of the guarded fetch, or a proxy's page. */
export type Broken = ErrorCode | number;

/** One user's tokens at a provider, with all that it knows of them. */
export class ScriptedProvider {
  readonly #rotation: Rotation;
  readonly #now: () => number;
  #issued = 0;
  /** Refresh tokens and what they were replaced by. */
  readonly #successors = new Map<string, string[]>();
  /** Those that it takes. */
  #live = new Set<string>();
  readonly #accessTokens = new Map<string, { endsAtMs: number; refresh: number }>();
  #fault: { network: Network; broken: Broken } | null = null;
  /** Of the access tokens to come. */
  lifetimeMs = 600_000;
  /** Refreshes that arrived. */
  refreshes = 0;
  /** It was presented with what it had replaced, and that ended everything. */
  isEnded = false;
  /** A spent token came while somebody had an access token that this cost its life. */
  endedTooSoon = false;
  /** Access tokens that callers were given. */
  readonly handedOut = new Set<string>();

  constructor(rotation: Rotation, now: () => number) {
    this.#rotation = rotation;
    this.#now = now;
  }

  /** The next refresh meets this network. */
  breakOnce(network: Network, broken: Broken): void {
    this.#fault = { network, broken };
  }

  /** Whether that refresh has been sent. */
  get isBroken(): boolean {
    return this.#fault === null;
  }

  /** Whether it lets in who has this access token. */
  accepts(accessToken: string): boolean {
    return !this.isEnded && this.endsAtMs(accessToken) > this.#now();
  }

  endsAtMs(accessToken: string): number {
    return this.#accessTokens.get(accessToken)?.endsAtMs ?? 0;
  }

  /** The how manieth refresh it came from; 0 = it came with the authorization. */
  refreshOf(accessToken: string): number {
    return this.#accessTokens.get(accessToken)?.refresh ?? 0;
  }

  /** Whether it replaced a refresh token for good, so that nobody who has only that one can go on. */
  isSpent(refreshToken: string): boolean {
    return this.#rotation === "strict" && (this.#successors.get(refreshToken) ?? []).length > 0;
  }

  /** All refresh tokens that it ever gave, the latest first. */
  get refreshTokens(): string[] {
    return [...this.#successors.keys()].toReversed();
  }

  readonly fetch: GuardedFetch = async ({ body }) => {
    const parameters = new URLSearchParams(String(body));
    if (parameters.get("grant_type") === "authorization_code") return this.#answer(this.#newRefreshToken());
    this.refreshes++;
    const { network, broken } = this.#fault ?? { network: "answered", broken: 500 };
    this.#fault = null;
    const answer = network === "never received" ? null : this.#refresh(parameters.get("refresh_token") ?? "");
    if (network === "answered" && answer !== null) return answer;
    return typeof broken === "number" ? page(broken) : fail(broken);
  };

  #refresh(presented: string): Result<OutboundResponse> {
    if (!this.#live.has(presented)) {
      if (this.isSpent(presented)) {
        this.endedTooSoon ||= [...this.handedOut].some((token) => this.accepts(token));
        this.isEnded = true;
        this.#live.clear();
      }
      return json(400, { error: "invalid_grant" });
    }
    // A provider that does not rotate may say nothing.
    if (this.#rotation === "stable") return this.#answer(this.refreshes % 2 === 0 ? presented : null);
    const next = this.#newRefreshToken();
    // What was given before the one that is presented, or beside it, has had its time.
    const stays = this.#rotation === "grace" ? [presented, next] : [next];
    const siblings = (this.#successors.get(presented) ?? []).filter((token) => this.#live.has(token));
    this.#live = new Set(this.#rotation === "grace" ? [...stays, ...siblings] : stays);
    this.#successors.get(presented)?.push(next);
    return this.#answer(next);
  }

  #newRefreshToken(): string {
    const token = `rt-${++this.#issued}`;
    this.#successors.set(token, []);
    this.#live.add(token);
    return token;
  }

  #answer(refreshToken: string | null): Result<OutboundResponse> {
    const accessToken = `at-${++this.#issued}`;
    this.#accessTokens.set(accessToken, { endsAtMs: this.#now() + this.lifetimeMs, refresh: this.refreshes });
    return json(200, {
      access_token: accessToken,
      token_type: "Bearer",
      expires_in: this.lifetimeMs / 1000,
      ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
    });
  }
}

function json(status: number, body: object): Result<OutboundResponse> {
  const headers = new Headers({ "content-type": "application/json" });
  return ok({ status, headers, body: utf8(JSON.stringify(body)) });
}

function page(status: number): Result<OutboundResponse> {
  const headers = new Headers({ "content-type": "text/html" });
  return ok({ status, headers, body: utf8("<h1>Bad gateway</h1>") });
}
