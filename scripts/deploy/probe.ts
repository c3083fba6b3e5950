import { type DeployState, Refusal } from "./state.ts";

const PATIENCE_MS = 90_000;
const PAUSE_MS = 3_000;

/** Refuses to deploy over a deployment that lacks a key already: new code would not bring it back. */
export async function liveHealth(state: DeployState): Promise<void> {
  const { present, options, origin, deps } = state;
  if (present === null || options.ring !== null || !present.has("MASTER_KEYS")) return;
  const answer = await ask(state, `${origin}/health`);
  if (answer.status === 503 && answer.body.includes('"key_missing"')) {
    throw new Refusal(
      "The running deployment lacks a master key that stored data needs (its log says which). Put it back into " +
        `MASTER_KEYS of ${options.secretsFile}, and deploy with --set-keys.`,
    );
  }
  // Anything else may be what this deploy repairs.
  if (answer.status !== 200) deps.write(`  /health answers ${answer.status ?? "nothing"} now\n`);
}

/** Waits until the deployment is healthy, and makes sure that it takes itself for what callers will call it. */
export async function smokeTest(state: DeployState): Promise<void> {
  const { origin, deps } = state;
  let health = await ask(state, `${origin}/health`);
  for (let waitedMs = 0; health.status !== 200 && waitedMs < PATIENCE_MS; waitedMs += PAUSE_MS) {
    await deps.sleep(PAUSE_MS);
    health = await ask(state, `${origin}/health`);
  }
  if (health.status !== 200) {
    throw new Refusal(
      `It is deployed, but ${origin}/health answers ${health.status ?? "nothing"}. Does the name lead to the Worker? ` +
        "npx wrangler tail shows its log.",
    );
  }
  const discovery = await ask(state, `${origin}/.well-known/openid-configuration`);
  if (discovery.status !== 200 || !discovery.body.includes(`"issuer":"${origin}"`)) {
    throw new Refusal(`It is deployed, but takes itself for another origin than ${origin}. Correct PUBLIC_ORIGIN.`);
  }
  // Before the claim there is no team, and so no key to sign with.
  state.claimed = !(await ask(state, `${origin}/.well-known/jwks.json`)).body.includes('"keys":[]');
}

async function ask({ deps }: DeployState, url: string): Promise<{ status: number | null; body: string }> {
  try {
    const response = await deps.fetch(url);
    return { status: response.status, body: await response.text() };
  } catch {
    return { status: null, body: "" };
  }
}
