import type { ChildProcess } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runWrangler, spawnWrangler, wranglerEnvironment } from "./wrangler.ts";

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5_000;

/** Settings of the deployment. They are secrets by `wrangler.toml`, so they travel by the process environment. */
const SECRETS = ["MASTER_KEYS", "SETUP_TOKEN", "PUBLIC_ORIGIN"];

/** Naming an environment file, even an empty one, keeps wrangler from preferring .dev.vars to the process environment. */
const EMPTY_FILE = "empty.env";

export interface WorkerOptions {
  port: number;
  /** Everything that the Worker stores, and wrangler's own logs. Made if absent. */
  stateDir: string;
  /** MASTER_KEYS, SETUP_TOKEN and PUBLIC_ORIGIN; any other name becomes a plain variable, visible to other users. */
  vars: Record<string, string>;
  /** Keep the Worker's output to `logs()` instead of also printing it. */
  quiet: boolean;
}

export interface RunningWorker {
  origin: string;
  /** Ends the Worker and waits until it is gone. */
  stop(): Promise<void>;
  /** All that it has printed so far. */
  logs(): string;
}

/**
 * Apply the migrations to the local databases and serve the Worker on 127.0.0.1; resolves once `GET /health` answers.
 * Throws one clear sentence when the port is taken, or the Worker's last output when it does not start.
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const stateDir = resolve(options.stateDir);
  const origin = `http://127.0.0.1:${options.port}`;
  if (!(await portIsFree(options.port))) {
    throw new Error(`Port ${options.port} is already in use. Stop what listens there, or choose another with PORT.`);
  }
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await writeFile(join(stateDir, EMPTY_FILE), "");
  await applyMigrations(stateDir);

  const child = spawnWrangler(parametersOf(options, stateDir), {
    env: wranglerEnvironment(
      stateDir,
      pick(options.vars, (name) => SECRETS.includes(name)),
    ),
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that everything wrangler starts can be ended at once and by id.
    detached: process.platform !== "win32",
  });
  const logs = collectOutput(child, options.quiet);
  const stop = stopper(child);
  try {
    await untilHealthy(origin, child, logs);
  } catch (error) {
    await stop();
    throw error;
  }
  return { origin, stop, logs };
}

/** Whether nothing listens on this port of 127.0.0.1. */
export async function portIsFree(port: number): Promise<boolean> {
  const probe = createServer();
  return await new Promise((settle) => {
    probe.once("error", () => settle(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => settle(true)));
  });
}

/** As a deploy does, so that a state directory of an older version comes along. */
async function applyMigrations(stateDir: string): Promise<void> {
  for (const database of ["DB", "EVENTS"]) {
    const target = [database, "--local", "--persist-to", stateDir];
    await runWrangler(["d1", "migrations", "apply", ...target], wranglerEnvironment(stateDir));
  }
}

function parametersOf({ port, vars }: WorkerOptions, stateDir: string): string[] {
  const plain = Object.entries(pick(vars, (name) => !SECRETS.includes(name)));
  return [
    ...["dev", "--local", "--persist-to", stateDir, "--ip", "127.0.0.1", "--port", String(port)],
    ...["--inspector-port", "0", "--show-interactive-dev-session=false"],
    ...["--env-file", join(stateDir, EMPTY_FILE)],
    ...plain.flatMap(([name, value]) => ["--var", `${name}:${value}`]),
  ];
}

function pick(vars: Record<string, string>, wanted: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(vars).filter(([name]) => wanted(name)));
}

function collectOutput(child: ChildProcess, quiet: boolean): () => string {
  const chunks: string[] = [];
  for (const [stream, sink] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      chunks.push(text);
      if (!quiet) sink.write(text);
    });
  }
  return () => chunks.join("");
}

async function untilHealthy(origin: string, child: ChildProcess, logs: () => string): Promise<void> {
  const deadlineMs = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadlineMs) {
    if (hasEnded(child)) throw new Error(`The Worker ended before it was ready. Its output:\n${logs()}`);
    const answer = await fetch(`${origin}/health`, { signal: AbortSignal.timeout(5_000) }).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await sleep(50);
  }
  throw new Error(`The Worker did not answer GET /health within ${START_TIMEOUT_MS / 1000} s. Its output:\n${logs()}`);
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** Ends the child's whole group with this process, whichever way this process ends. */
function stopper(child: ChildProcess): () => Promise<void> {
  const ended = new Promise<void>((settle) => {
    child.once("error", () => settle()).once("close", () => settle());
  });
  const killNow = (): void => signalGroup(child, "SIGKILL");
  const onSignal = async (signal: NodeJS.Signals): Promise<void> => {
    await stop();
    // Nobody else handles it: end the way that the signal asked for.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const stop = async (): Promise<void> => {
    signalGroup(child, "SIGTERM");
    await Promise.race([ended, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
    killNow();
    await ended;
    process.off("exit", killNow).off("SIGINT", onSignal).off("SIGTERM", onSignal).off("SIGHUP", onSignal);
  };
  process.on("exit", killNow).on("SIGINT", onSignal).on("SIGTERM", onSignal).on("SIGHUP", onSignal);
  return stop;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // ESRCH: the group is gone already, which is what was wanted.
  }
}
