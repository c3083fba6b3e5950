import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";
import type { FakeGitHub } from "../providers/github/github.ts";

const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** GitHub's own client, as an app: it signs, mints and tries again by itself. */
export function octokitOfApp({ apiBase }: FakeGitHub, auth: Record<string, unknown>): Octokit {
  return new Octokit({ authStrategy: createAppAuth, auth, baseUrl: apiBase, log });
}

/** The same with a token that somebody handed out, or without one. */
export function octokitWith({ apiBase }: FakeGitHub, token?: string): Octokit {
  return new Octokit({ baseUrl: apiBase, log, ...(token === undefined ? {} : { auth: token }) });
}
