import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { join } from "node:path";
import { root, wranglerBin } from "./paths.ts";

/** Wrangler answers nobody but us: no telemetry, no error reports, no update check, no location look-up. */
const QUIET_ENVIRONMENT = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: "true",
  NO_UPDATE_NOTIFIER: "1",
};

/** The environment for a wrangler process whose logs and registry stay in `stateDir`. */
export function wranglerEnvironment(stateDir: string, extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    ...QUIET_ENVIRONMENT,
    WRANGLER_LOG_PATH: join(stateDir, "logs"),
    WRANGLER_REGISTRY_PATH: join(stateDir, "registry"),
    ...extra,
  };
  // It would select a named environment, and there is only the top-level one.
  delete environment.CLOUDFLARE_ENV;
  return environment;
}

export function spawnWrangler(parameters: string[], options: SpawnOptions): ChildProcess {
  return spawn(process.execPath, [wranglerBin, ...parameters], { cwd: root, ...options });
}

/** Run wrangler to its end and return what it printed; throws with that text when it fails. */
export async function runWrangler(parameters: string[], environment: NodeJS.ProcessEnv): Promise<string> {
  const child = spawnWrangler(parameters, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  if (code !== 0)
    throw new Error(`wrangler ${parameters.slice(0, 2).join(" ")} failed (exit code ${code}):\n${output}`);
  return output;
}
