import type { FakeGitHub } from "../../test/providers/github/github.ts";
import type { AuthorizationServer } from "./authorization-server.ts";
import type { DemoApp } from "./demo-app.ts";
import type { Transcript } from "./transcript.ts";

export const OAUTH_CONNECTOR = "acme/reports";
export const KEY_CONNECTOR = "acme/mail";
export const USER_CONNECTOR = "acme/users";
export const GITHUB_CONNECTOR = "acme/bot";

export interface Scene {
  transcript: Transcript;
  /** Origin of the Worker. */
  origin: string;
  setupToken: string;
  provider: AuthorizationServer;
  /** A stand-in on this machine. */
  github: FakeGitHub;
  app: DemoApp;
}

/** What the workload tokens of a project in production say, and what its identity rule demands. */
export function claimsOf(project: string): { sub: string; environment: string } {
  return { sub: `project:${project}:environment:production`, environment: "production" };
}
