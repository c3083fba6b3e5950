import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const START_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 10_000;

/** The fenced blocks of one language in a Markdown text, in their order. */
export function fencedBlocks(markdown: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return [...markdown.matchAll(fence)].map(([, block = ""]) => block);
}

/** A port of 127.0.0.1 that nothing listened on a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("the probe has no port");
  return address.port;
}

/** Waits until something answers at `url`; false when `over` comes first. */
export async function answers(url: string, over: AbortSignal): Promise<boolean> {
  while (!over.aborted) {
    const answer = await fetch(url).catch(() => null);
    await answer?.body?.cancel();
    if (answer !== null) return true;
    await sleep(100);
  }
  return false;
}

export interface Server {
  /** Ends it with everything that it started, and waits until it is gone. */
  stop(): Promise<void>;
}

/** Runs the command that serves until `GET /health` answers at `url`; throws with its output when it does not. */
export async function serve(
  command: string,
  { cwd, env, url }: { cwd: string; env: NodeJS.ProcessEnv; url: string },
): Promise<Server> {
  // A group of its own, so that npm, wrangler and workerd can be ended by one id.
  const child = spawn("bash", ["-c", command], { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const server = { stop: () => stopGroup(child) };
  const deadlineMs = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadlineMs && child.exitCode === null) {
    const answer = await fetch(`${url}/health`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok) return server;
    await sleep(100);
  }
  await server.stop();
  throw new Error(`"${command}" did not serve ${url}:\n${output}`);
}

async function stopGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  const ended = once(child, "close");
  signalGroup(child.pid, "SIGTERM");
  await Promise.race([ended, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
  signalGroup(child.pid, "SIGKILL");
  await ended;
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: gone already, which is what was wanted.
  }
}

export interface ShellRun {
  exitCode: number | null;
  /** What each block printed, up to the one that failed. */
  outputs: string[];
  errors: string;
}

/** Runs the blocks in one bash that ends at the first command that fails, as a reader would. */
export async function runBlocks(
  blocks: string[],
  { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<ShellRun> {
  const boundary = `--- end of block ${crypto.randomUUID()} ---`;
  const script = ["set -euo pipefail", ...blocks.map((block) => `${block}\nprintf '%s' '${boundary}'`)].join("\n");
  const child = spawn("bash", ["-c", script], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  await once(child, "close");
  return { exitCode: child.exitCode, outputs: output.split(boundary), errors };
}
