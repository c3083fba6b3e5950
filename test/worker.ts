import { type Bindings, composeGrantDeps, composeHousekeeperDeps } from "../src/bindings.ts";
import { randomBytes } from "../src/crypto/random.ts";
import { ConnectorGateObject } from "../src/grants/connector-gate.ts";
import { GrantObject } from "../src/grants/grant.ts";
import { HousekeeperObject } from "../src/housekeeping/housekeeper.ts";
import deployed from "../src/index.ts";
import { clock } from "./support/clock.ts";
import { objectKeys } from "./support/object-keys.ts";

/** The composition of `src/index.ts` with two differences: the objects' clock, and a key ring that tests can rotate. */
export class Grant extends GrantObject {
  constructor(ctx: DurableObjectState, env: Bindings) {
    const deps = composeGrantDeps(env);
    super(ctx, env, { ...deps, now: clock.now, keys: async () => objectKeys.ring ?? deps.keys() });
  }
}

export class ConnectorGate extends ConnectorGateObject {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env, { now: clock.now, randomBytes });
  }
}

export class Housekeeper extends HousekeeperObject {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env, { ...composeHousekeeperDeps(env), now: clock.now });
  }
}

export { Connect } from "../src/index.ts";
export default deployed;
