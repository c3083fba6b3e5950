import { readdirSync, readFileSync } from "node:fs";

// What Linux tells of processes (proc(5)); elsewhere nothing, and the benchmark goes without CPU times.

/** CPU time of a process so far in milliseconds, user and system, all its threads; null when unknown. */
export function cpuMsOf(pid: number | null): number | null {
  const stat = pid === null ? "" : read(`/proc/${pid}/stat`);
  // The second field is the name, in brackets, and may contain anything.
  const [utime, stime] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  // Linux counts in ticks of 10 ms on every architecture that Node runs on.
  return utime === undefined || stime === undefined ? null : (utime + stime) * 10;
}

export function childrenOf(pid: number): number[] {
  return tasksOf(pid).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).trim().split(" ").filter(Boolean).map(Number),
  );
}

export function nameOf(pid: number): string {
  return read(`/proc/${pid}/comm`).trim();
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
