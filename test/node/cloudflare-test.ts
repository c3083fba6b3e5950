import { type ObjectState, stateOf } from "./objects.ts";

// `cloudflare:test` for tests that run in Node.

export async function runInDurableObject<T>(
  stub: object,
  work: (instance: unknown, state: ObjectState) => T | Promise<T>,
): Promise<T> {
  const state = stateOf(stub);
  return work(await state.instance(), state);
}

export async function runDurableObjectAlarm(stub: object): Promise<boolean> {
  return stateOf(stub).fireAlarm();
}
