import type { AssertionSource } from "../catalog/driver.ts";
import { Secret } from "../crypto/secret.ts";
import { ok } from "../errors.ts";
import type { AssertionRequest } from "./app-assertion.ts";
import type { ConnectorGateStub } from "./directory.ts";

/** A connector's assertions as its driver asks for them: all come from its one gate. */
export function assertionSource(
  gate: Pick<ConnectorGateStub, "assertion">,
  connector: Omit<AssertionRequest, "refused">,
): AssertionSource {
  return async (refused) => {
    const answer = await gate.assertion({
      ...connector,
      refused: refused === undefined ? null : { ...refused, assertion: refused.assertion.expose() },
    });
    return answer.ok ? ok(Secret.of(answer.value)) : answer;
  };
}
