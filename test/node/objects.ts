import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { inTransaction } from "./d1.ts";

type Instance = { alarm?(): Promise<void> } & Record<string, unknown>;
export type ObjectClass = new (ctx: ObjectState, env: object) => Instance;

/** Node's timers fire at once when they are set for later than this. */
const LONGEST_TIMER_MS = 0x7fffffff;

/** What an object's class is given: a name, storage, and a way to go on after the answer. */
export class ObjectState {
  readonly id: { name: string };
  readonly storage: ReturnType<typeof storageOf>;
  readonly #create: (state: ObjectState) => Promise<Instance>;
  #instance: Promise<Instance> | null = null;

  constructor(name: string, create: (state: ObjectState) => Promise<Instance>) {
    this.id = { name };
    this.#create = create;
    this.storage = storageOf(() => this.fireAlarm());
  }

  instance(): Promise<Instance> {
    this.#instance ??= this.#create(this);
    return this.#instance;
  }

  waitUntil(work: Promise<unknown>): void {
    work.catch(() => {});
  }

  /** The next call finds an instance that has just woken up; unlike the platform's, the old one goes on. */
  abort(reason: string): never {
    this.#instance = null;
    throw new Error(reason);
  }

  /** False when there is no alarm. */
  async fireAlarm(): Promise<boolean> {
    if ((await this.storage.getAlarm()) === null) return false;
    await this.storage.deleteAlarm();
    const instance = await this.instance();
    await instance.alarm?.();
    return true;
  }
}

function storageOf(onAlarm: () => Promise<unknown>) {
  const values = new Map<string, unknown>();
  const sqlite = new DatabaseSync(":memory:");
  let alarmAtMs: number | null = null;
  let timer: NodeJS.Timeout | undefined;
  const setAlarm = (atMs: number | null) => {
    clearTimeout(timer);
    alarmAtMs = atMs;
    if (atMs === null) return;
    const delayMs = Math.max(atMs - Date.now(), 0);
    if (delayMs < LONGEST_TIMER_MS) timer = setTimeout(() => void onAlarm().catch(() => {}), delayMs).unref();
  };
  return {
    get: async (key: string) => values.get(key),
    put: async (key: string, value: unknown) => void values.set(key, value),
    delete: async (key: string) => values.delete(key),
    sql: { exec: (text: string, ...values: SQLInputValue[]) => cursor(execute(sqlite, text, values)) },
    transactionSync: <T>(work: () => T) => inTransaction(sqlite, work),
    getAlarm: async () => alarmAtMs,
    setAlarm: async (atMs: number) => setAlarm(atMs),
    deleteAlarm: async () => setAlarm(null),
  };
}

/** The rows of a statement; several statements have no values and no rows. */
function execute(sqlite: DatabaseSync, text: string, values: SQLInputValue[]): unknown[] {
  if (values.length > 0 || !/;\s*\S/.test(text)) return sqlite.prepare(text).all(...values);
  sqlite.exec(text);
  return [];
}

function cursor(rows: unknown[]) {
  return {
    toArray: () => rows,
    one() {
      if (rows.length !== 1) throw new Error(`expected one row, found ${rows.length}`);
      return rows[0];
    },
    [Symbol.iterator]: () => rows[Symbol.iterator](),
  };
}

const states = new WeakMap<object, ObjectState>();

/** Objects of one class by name. Calls take and give copies, as RPC does. */
export function namespaceOf(load: () => Promise<ObjectClass>, env: () => object) {
  const objects = new Map<string, ObjectState>();
  const create = async (state: ObjectState) => new (await load())(state, env());
  const namespace = {
    jurisdiction: () => namespace,
    getByName(name: string) {
      const state = objects.get(name) ?? new ObjectState(name, create);
      objects.set(name, state);
      const stub = new Proxy({}, { get: (_, method) => (method === "then" ? undefined : call(state, String(method))) });
      states.set(stub, state);
      return stub;
    },
  };
  return namespace;
}

function call(state: ObjectState, method: string) {
  return async (...values: unknown[]) => {
    const copies = structuredClone(values);
    await setImmediate();
    const instance = await state.instance();
    const member = instance[method];
    if (typeof member !== "function") throw new TypeError(`the object has no method ${method}`);
    return structuredClone(await member.apply(instance, copies));
  };
}

/** The object behind a stub. */
export function stateOf(stub: object): ObjectState {
  const state = states.get(stub);
  if (state === undefined) throw new Error("no stub of this process");
  return state;
}
