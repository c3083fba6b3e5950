import type { CrowdReport } from "./names.ts";
import { crashObject } from "./object.ts";
import { readyUser } from "./run.ts";

/** So many callers of one expired grant at a provider that rotates strictly. Nobody dies. */
export async function crowd(namespace: Parameters<typeof crashObject>[0], callers: number): Promise<CrowdReport> {
  const object = await crashObject(namespace, "strict");
  const { provider, token } = await readyUser(object, "strict");
  object.nowMs = provider.endsAtMs(token) + 1_000;
  const answers = await object.ask(callers);
  const { refreshes } = provider;
  const tokens = new Set(answers.map((answer) => (answer?.ok ? answer.value.token : "")));
  object.nowMs += provider.lifetimeMs + 1_000;
  const [next] = await object.ask(1);
  return {
    refreshes,
    errors: answers.flatMap((answer) => (answer?.ok ? [] : [answer?.failure.code ?? "no answer"])),
    tokens: tokens.size,
    goesOn: next?.ok === true && provider.accepts(next.value.token) && !tokens.has(next.value.token),
  };
}
