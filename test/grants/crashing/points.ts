import type { ConnectorGateObject, PermitRequest, ProviderOutcome } from "../../../src/grants/connector-gate.ts";
import type { GrantDeps } from "../../../src/grants/deps.ts";

/** What becomes of one object: what it depends on, and where it dies. */
export interface CrashScript {
  deps: GrantDeps;
  /** Told of every point that the object comes to, in order; true = it dies there. */
  reach(point: string): boolean;
  /** Work that no caller waits for began (1) or ended (-1). */
  deferred(change: 1 | -1): void;
}

/** By the object's name. */
export const crashScripts = new Map<string, CrashScript>();

/** What callers of an object that died are told, and the platform writes to its log. */
export const DIED = "the object died, as the test wants";

/**
 * Dependencies and storage of an object that can die at every point where it waits. Death is the platform's own: nothing
 * of the object runs on, callers see an error, and what was written since the last commit to the disk is gone. A
 * dependency that changes something begins only when the writes before it are on the disk, as the platform holds back
 * what goes out.
 */
export function withCrashPoints(ctx: DurableObjectState): GrantDeps {
  const script = crashScripts.get(ctx.id.name ?? "");
  if (script === undefined) throw new Error("this object has no script");
  const { storage } = ctx;
  const { deps } = script;
  const reach = (point: string) => {
    if (script.reach(point)) ctx.abort(DIED);
  };
  /** What changes nothing. */
  const near = <Values extends unknown[], Answer>(name: string, call: (...values: Values) => Promise<Answer>) => {
    return (...values: Values): Promise<Answer> => {
      reach(name);
      return call(...values);
    };
  };
  const far = <Values extends unknown[], Answer>(name: string, call: (...values: Values) => Promise<Answer>) => {
    return async (...values: Values): Promise<Answer> => {
      reach(`${name}, before`);
      await storage.sync();
      const answer = await call(...values);
      reach(`${name}, after`);
      return answer;
    };
  };

  const setAlarm = storage.setAlarm.bind(storage);
  storage.setAlarm = async (...values) => {
    reach("alarm, before");
    await setAlarm(...values);
    reach("alarm, after");
  };
  const transactionSync = storage.transactionSync.bind(storage);
  storage.transactionSync = (work) => {
    const result = transactionSync(() => {
      const done = work();
      reach("transaction, before its end");
      return done;
    });
    reach("transaction, after its end");
    return result;
  };
  const waitUntil = ctx.waitUntil.bind(ctx);
  ctx.waitUntil = (work) => {
    script.deferred(1);
    waitUntil(work.finally(() => script.deferred(-1)));
  };

  return {
    ...deps,
    keys: near("key ring", deps.keys),
    fetch: far("provider", deps.fetch),
    db: {
      first: near("read of D1", (statement) => deps.db.first(statement)),
      all: near("read of D1", (statement) => deps.db.all(statement)),
      run: far("index row", (statement) => deps.db.run(statement)),
      batch: far("index row", (statements) => deps.db.batch(statements)),
    },
    leases: { ...deps.leases, put: far("lease in KV", deps.leases.put) },
    gate: (...place) => {
      // The methods that a Grant calls, without the stub around them.
      const gate: Pick<ConnectorGateObject, "acquire" | "report"> = deps.gate(
        ...place,
      ) as unknown as ConnectorGateObject;
      const acquire = far("permit", (request: PermitRequest) => gate.acquire(request));
      const report = far("report", (permit: string, outcome: ProviderOutcome) => gate.report(permit, outcome));
      return { acquire, report } as unknown as ReturnType<GrantDeps["gate"]>;
    },
  };
}
