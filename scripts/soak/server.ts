import { type ChildProcess, fork } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

export interface ServerOptions {
  modulePath: string;
  vars: Record<string, string>;
  scratch: string;
  port: number;
  /** What outlives a death. */
  storage: string;
}

export interface SoakServer {
  start(): Promise<void>;
  /** The platform and the Worker end at once, as by a power cut: nothing is finished, flushed or told. */
  kill(): Promise<void>;
  /** Of workerd now, in MiB; null when the system does not tell. */
  memoryMib(): Promise<number | null>;
}

/** A deployment on lasting storage that can be killed and started again on the same port. */
export function soakServer(options: ServerOptions): SoakServer {
  let child: ChildProcess | null = null;
  let pid: number | null = null;
  let lives = 0;

  const kill = async (): Promise<void> => {
    const dying = child;
    child = null;
    if (dying?.pid === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
    const ended = new Promise((resolve) => dying.once("exit", resolve));
    // Its group: workerd is a child of it.
    process.kill(-dying.pid, "SIGKILL");
    await ended;
  };
  return {
    kill,
    async start() {
      const life = JSON.stringify({ ...options, isFirst: lives++ === 0 });
      const started = fork(fileURLToPath(new URL("server-process.ts", import.meta.url)), [life], {
        detached: true,
        execArgv: [],
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      child = started;
      const message = await new Promise<{ pid: number | null }>((resolve, reject) => {
        started.once("message", (value: { pid: number | null }) => resolve(value));
        started.once("exit", () => reject(new Error("The deployment ended before it served.")));
      });
      pid = message.pid;
    },
    async memoryMib() {
      const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
      const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
      return kib === undefined ? null : Number(kib) / 1024;
    },
  };
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
