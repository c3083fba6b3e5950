import type { TokenRequest } from "./token-request.ts";
import type { ConnectTokenResponse } from "./types.ts";

interface Flight {
  request: TokenRequest;
  answer: Promise<ConnectTokenResponse>;
  controller: AbortController;
  waiting: number;
}

/**
 * Requests under way, at most one current per cache key. A flight that was replaced or detached still answers those
 * who wait for it, but nobody joins it and its answer is not kept: an older answer never overwrites a newer one,
 * and a revoked token does not come back.
 */
export class Flights {
  readonly #current = new Map<string, Flight>();

  /** The answer of a flight that also serves this request, if one is under way. */
  join(key: string, request: TokenRequest, signal?: AbortSignal): Promise<ConnectTokenResponse> | undefined {
    const flight = this.#current.get(key);
    if (flight === undefined || flight.controller.signal.aborted) return undefined;
    if (flight.request.bufferMs < request.bufferMs) return undefined;
    if (request.rejectedTokenId !== undefined && flight.request.rejectedTokenId !== request.rejectedTokenId) {
      return undefined;
    }
    return wait(flight, signal);
  }

  /** Runs the request detached from its first caller. `keep` receives the answer if the flight is current to the end. */
  start(
    key: string,
    request: TokenRequest,
    work: {
      run: (signal: AbortSignal) => Promise<ConnectTokenResponse>;
      keep: (response: ConnectTokenResponse) => void;
    },
    signal?: AbortSignal,
  ): Promise<ConnectTokenResponse> {
    const controller = new AbortController();
    const answer = work.run(controller.signal).then(
      (response) => {
        if (this.#land(key, flight)) work.keep(response);
        return response;
      },
      (error: unknown) => {
        this.#land(key, flight);
        throw error;
      },
    );
    const flight: Flight = { request, answer, controller, waiting: 0 };
    this.#current.set(key, flight);
    return wait(flight, signal);
  }

  /** Detaches the flights for these parameters, or all. Which connector an alias means is known only on arrival. */
  detach(paramsKey?: string): void {
    for (const [key, flight] of this.#current) {
      if (paramsKey === undefined || paramsKey === flight.request.paramsKey) this.#current.delete(key);
    }
  }

  #land(key: string, flight: Flight): boolean {
    return this.#current.get(key) === flight && this.#current.delete(key);
  }
}

/** Waits until the answer or the signal, whichever is first. The request itself ends when nobody waits any more. */
async function wait(flight: Flight, signal?: AbortSignal): Promise<ConnectTokenResponse> {
  flight.waiting += 1;
  try {
    return await unlessAborted(flight.answer, signal);
  } finally {
    flight.waiting -= 1;
    if (flight.waiting === 0) flight.controller.abort();
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    if (signal.aborted) onAbort();
  });
}
