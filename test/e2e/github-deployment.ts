import { type FakeGitHub, startFakeGitHub } from "../providers/github/github.ts";
import { type App, startApp } from "./app.ts";
import { type GitHubWorld, githubWorld } from "./github-world.ts";
import { type Server, startServer } from "./server.ts";
import { setUpTeam, type Team } from "./team.ts";

/** A deployment whose connectors are apps of a fake GitHub, which is another site. */
export interface GitHubDeployment {
  server: Server;
  team: Team;
  app: App;
  github: FakeGitHub;
  world: GitHubWorld;
  stop(): Promise<void>;
}

export async function startGitHubDeployment(): Promise<GitHubDeployment> {
  await using starting = new AsyncDisposableStack();
  const server = starting.adopt(await startServer(), (one) => one.stop());
  const team = await setUpTeam(server);
  const app = starting.adopt(await startApp(), (one) => one.stop());
  const github = starting.adopt(await startFakeGitHub({ host: "localhost" }), (one) => one.stop());
  const running = starting.move();
  return { server, team, app, github, world: githubWorld(team, github, app), stop: () => running.disposeAsync() };
}
