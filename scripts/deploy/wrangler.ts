import { spawn } from "node:child_process";
import { root } from "../paths.ts";

/** The name of the rule that ends payloads which nothing names. */
export const PAYLOAD_RULE = "valetkey-payloads";

/** The commands of a deploy, as they are run and as `--dry-run` shows them. */
export const COMMANDS = {
  version: ["--version"],
  whoami: ["whoami", "--json"],
  listSecrets: ["secret", "list", "--format", "json"],
  listDatabases: ["d1", "list", "--json"],
  createDatabase: (name: string) => ["d1", "create", name],
  bookmark: ["d1", "time-travel", "info", "DB", "--json"],
  migrate: (binding: string) => ["d1", "migrations", "apply", binding, "--remote"],
  queueInfo: (name: string) => ["queues", "info", name],
  createQueue: (name: string) => ["queues", "create", name],
  query: (binding: string, sql: string) => ["d1", "execute", binding, "--remote", "--json", "--command", sql],
  // Values by standard input: a command line is readable by every process of the machine.
  putSecrets: ["secret", "bulk"],
  deploy: ["deploy", "--minify"],
  listRules: (bucket: string) => ["r2", "bucket", "lifecycle", "list", bucket],
  // After any row or dead letter that could name a payload: 30 days after up to eight in queues, and some to deliver it.
  addPayloadRule: (bucket: string) => [
    "r2",
    "bucket",
    "lifecycle",
    "add",
    bucket,
    PAYLOAD_RULE,
    "events/",
    "--expire-days",
    "45",
  ],
} as const;

export interface Outcome {
  ok: boolean;
  stdout: string;
  /** Both streams, for the operator. */
  output: string;
}

/** Runs wrangler, the one that PATH finds first: npm puts the installed one there. */
export type Wrangler = (parameters: readonly string[], input?: string) => Promise<Outcome>;

export function wranglerOf(environment: NodeJS.ProcessEnv): Wrangler {
  return async (parameters, input) => {
    const child = spawn("wrangler", parameters, {
      cwd: root,
      env: {
        ...environment,
        WRANGLER_HIDE_BANNER: "true",
        WRANGLER_SEND_METRICS: "false",
        // No question is asked that nobody answers.
        CI: "1",
        NO_COLOR: "1",
        CLOUDFLARE_ENV: undefined,
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let [stdout, output] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    // A command that does not read its input may close it first.
    child.stdin.on("error", () => {});
    child.stdin.end(input ?? "");
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject).once("close", resolve);
    });
    return { ok: code === 0, stdout, output };
  };
}
