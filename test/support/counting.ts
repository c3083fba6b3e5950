import { env } from "cloudflare:workers";

export interface Calls {
  d1: number;
  kv: number;
  objects: number;
}

/**
 * The platform's bindings, each call counted: D1 by query sent (a batch is one), KV by operation, objects by call.
 * `failing` makes a store refuse everything from then on.
 */
export function countedBindings() {
  const calls: Calls = { d1: 0, kv: 0, objects: 0 };
  const failing = { d1: false, kv: false };
  const refuse = (store: keyof typeof failing) => {
    if (failing[store]) throw new Error(`${store} is down`);
  };

  const counted = <T extends object>(
    target: T,
    onCall: (name: PropertyKey) => void,
    wrap?: (made: unknown) => unknown,
  ): T =>
    new Proxy(target, {
      get(object, name) {
        const member: unknown = Reflect.get(object, name, object);
        if (typeof member !== "function") return member;
        return (...values: unknown[]) => {
          onCall(name);
          const made: unknown = member.apply(object, values);
          return wrap === undefined ? made : wrap(made);
        };
      },
    });

  const d1Query = (name: PropertyKey) => {
    if (!["first", "all", "run", "raw", "batch", "exec"].includes(String(name))) return;
    calls.d1++;
    refuse("d1");
  };
  // prepare().bind().first() and withSession().batch(): whatever is made on the way is counted as well.
  const d1Wrap = (made: unknown): unknown =>
    typeof made === "object" && made !== null && !(made instanceof Promise)
      ? unwrappable(counted(made, d1Query, d1Wrap), made)
      : made;
  const originals = new WeakMap<object, object>();
  const unwrappable = (proxy: object, original: object) => {
    originals.set(proxy, original);
    return proxy;
  };
  const db = counted(env.DB, d1Query, (made) => {
    const session = d1Wrap(made);
    if (typeof session !== "object" || session === null || !("batch" in session)) return session;
    // A batch takes the platform's own statements, not their proxies.
    return new Proxy(session, {
      get(object, name) {
        const member: unknown = Reflect.get(object, name, object);
        if (name !== "batch" || typeof member !== "function") return member;
        return (statements: object[]) => member(statements.map((statement) => originals.get(statement) ?? statement));
      },
    });
  });

  const kv = counted(env.LEASES, () => {
    calls.kv++;
    refuse("kv");
  });
  const namespace = <T extends Rpc.DurableObjectBranded>(target: DurableObjectNamespace<T>) =>
    counted(
      target,
      () => {},
      (made) =>
        typeof made === "object" && made !== null
          ? new Proxy(made, { get: (stub, name) => countedMethod(stub, name) })
          : made,
    );
  const countedMethod = (stub: object, name: PropertyKey): unknown => {
    const member: unknown = Reflect.get(stub, name, stub);
    if (typeof member !== "function") return member;
    return (...values: unknown[]) => {
      calls.objects++;
      // Not member.apply: on a stub, that is one more remote property.
      return Reflect.apply(member, stub, values);
    };
  };

  return {
    calls,
    failing,
    db,
    kv,
    grants: namespace(env.GRANTS),
    gates: namespace(env.CONNECTOR_GATES),
    reset(): void {
      Object.assign(calls, { d1: 0, kv: 0, objects: 0 });
    },
  };
}
