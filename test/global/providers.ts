import type { TestProject } from "vitest/node";
import { startGitHubStarter } from "./github-starter.ts";
import { startHostileServer } from "./hostile-server.ts";

const closers: (() => void)[] = [];

/** Starts the providers that the tests talk to over real HTTP, once for all test files. */
export async function setup(project: TestProject): Promise<void> {
  const hostile = await startHostileServer();
  closers.push(hostile.close);
  project.provide("hostileOrigin", hostile.origin);
  const github = await startGitHubStarter();
  closers.push(github.close);
  project.provide("githubStarter", github.origin);
}

export function teardown(): void {
  for (const close of closers) close();
}
