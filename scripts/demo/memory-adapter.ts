import type { Adapter, AdapterFactory, AdapterPayload } from "oidc-provider";

/**
 * Storage of the demo authorization server: one map per model, gone with the process. Expiry is the provider's
 * own check (`exp` is in every payload), so nothing is swept.
 */
export function memoryAdapter(): AdapterFactory {
  const models = new Map<string, Map<string, AdapterPayload>>();
  return (model) => {
    const entries = models.get(model) ?? new Map<string, AdapterPayload>();
    models.set(model, entries);
    return adapterOver(entries);
  };
}

function adapterOver(entries: Map<string, AdapterPayload>): Adapter {
  const first = (matches: (payload: AdapterPayload) => boolean) => copyOf([...entries.values()].find(matches));
  return {
    async upsert(id, payload) {
      entries.set(id, structuredClone(payload));
    },
    async find(id) {
      return copyOf(entries.get(id));
    },
    async findByUid(uid) {
      return first((payload) => payload.uid === uid);
    },
    async findByUserCode(userCode) {
      return first((payload) => payload.userCode === userCode);
    },
    async consume(id) {
      const payload = entries.get(id);
      if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
    },
    async destroy(id) {
      entries.delete(id);
    },
    async revokeByGrantId(grantId) {
      for (const [id, payload] of entries) if (payload.grantId === grantId) entries.delete(id);
    },
  };
}

/** What is stored changes by `upsert` alone, as in a database. */
function copyOf(payload: AdapterPayload | undefined): AdapterPayload | undefined {
  return payload === undefined ? undefined : structuredClone(payload);
}
