import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startFakeGitHub } from "../../test/providers/github/github.ts";
import { freshMasterKeys, freshSetupToken, parsePort } from "../settings.ts";
import { portIsFree, type RunningWorker, startWorker } from "../worker.ts";
import { type AuthorizationServer, startAuthorizationServer } from "./authorization-server.ts";
import { startDemoApp } from "./demo-app.ts";
import { GITHUB_CONNECTOR, OAUTH_CONNECTOR, type Scene } from "./scene.ts";
import { tokenPath } from "./steps.ts";
import { developmentToken, tellStory } from "./story.ts";
import { Transcript } from "./transcript.ts";
import { consentLink } from "./user-story.ts";

// `npm start`: the whole product on one machine, with a real authorization server as provider and workload issuer.
// Goes on serving after the transcript; with `--once` it ends with exit code 0, or 1 when a step failed.

/** Users' tokens expire while one watches. */
const USER_TOKEN_LIFETIME_S = 4;

interface Demo {
  stateDir: string;
  provider: AuthorizationServer;
  worker: RunningWorker;
  scene: Scene;
}

/** What must be undone at the end, last first, whichever way the end comes. */
const cleanups: (() => Promise<void>)[] = [];

async function cleanUp(): Promise<void> {
  for (const undo of cleanups.splice(0).reverse()) await undo();
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { once: { type: "boolean", default: false } } });
  const startedMs = Date.now();
  const demo = await start();
  const accessToken = await tellStory(demo.scene);
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  print(`\nAll ${demo.scene.transcript.steps} steps passed; ${seconds} s with the start of both servers.\n`);
  if (values.once) await cleanUp();
  else await invite(demo, accessToken);
}

async function start(): Promise<Demo> {
  const stateDir = await makeStateDir(process.env.VALETKEY_STATE_DIR);
  const provider = await startAuthorizationServer({ userTtlSeconds: USER_TOKEN_LIFETIME_S });
  cleanups.push(provider.stop);
  const github = await startFakeGitHub();
  cleanups.push(github.stop);
  const app = await startDemoApp();
  cleanups.push(app.stop);
  const port = await choosePort(process.env.PORT);
  const setupToken = freshSetupToken();
  const vars = {
    MASTER_KEYS: freshMasterKeys(),
    SETUP_TOKEN: setupToken,
    PUBLIC_ORIGIN: `http://127.0.0.1:${port}`,
    ALLOW_LOOPBACK: "true",
  };
  const startedMs = Date.now();
  print("Starting Valetkey and an authorization server on this machine …\n\n");
  const worker = await startWorker({ port, stateDir, vars, quiet: true });
  cleanups.push(worker.stop);
  print(`  Valetkey  ${worker.origin}  (ready in ${((Date.now() - startedMs) / 1000).toFixed(1)} s)\n`);
  print(`  Provider  ${provider.issuer}  (oidc-provider; also the workloads' issuer)\n`);
  print(`  GitHub    ${github.webOrigin}  (a stand-in; its API is ${github.apiBase})\n`);
  print(`  State     ${stateDir}\n`);
  const scene = { transcript: new Transcript(), origin: worker.origin, setupToken, provider, github, app };
  return { stateDir, provider, worker, scene };
}

/** Every run starts empty. A temporary directory goes with the demo; one inside a directory that was named stays. */
async function makeStateDir(parent: string | undefined): Promise<string> {
  if (parent) await mkdir(parent, { recursive: true, mode: 0o700 });
  const stateDir = await mkdtemp(join(parent ? resolve(parent) : tmpdir(), "valetkey-demo-"));
  if (!parent) cleanups.push(() => rm(stateDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  return stateDir;
}

/** A port that was asked for is used or fails; the default gives way to the next free one. */
async function choosePort(asked: string | undefined): Promise<number> {
  let port = parsePort(asked);
  if (!asked) while (!(await portIsFree(port))) port += 1;
  return port;
}

async function invite({ stateDir, provider, worker, scene }: Demo, accessToken: string): Promise<void> {
  const tokenFile = join(stateDir, "development-token");
  const ownerFile = join(stateDir, "access-token");
  await writeFile(tokenFile, await developmentToken(scene, accessToken), { mode: 0o600 });
  await writeFile(ownerFile, accessToken, { mode: 0o600 });
  print(`
Still serving; Ctrl-C ends. Ask for a provider token as a developer of invoices:

  curl -s ${worker.origin}${tokenPath(OAUTH_CONNECTOR)} \\
    -H "authorization: Bearer $(cat ${tokenFile})" \\
    -H 'content-type: application/json' -d '{}'

and use its token at ${provider.issuer}/reports. Or for one of the
GitHub App that can read acme/web and nothing else, and use it:

  token=$(curl -s ${worker.origin}${tokenPath(GITHUB_CONNECTOR)} \\
    -H "authorization: Bearer $(cat ${tokenFile})" \\
    -H 'content-type: application/json' \\
    -d '{"authorizationDetails": [{"type": "github_app_installation",
         "permissions": ["contents:read"], "repositories": ["acme/web"]}]}' \\
    | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  curl -s ${scene.github.apiBase}/repos/acme/web -H "authorization: Bearer $token"

As the owner:

  curl -s ${worker.origin}/v2/connect/connectors \\
    -H "authorization: Bearer $(cat ${ownerFile})"

To see what a user sees, open this in a browser, once:

  ${await consentLink(scene)}

`);
}

function print(text: string): void {
  process.stdout.write(text);
}

/** Set by a signal: the calls that it cuts short are no failures. */
let interrupted = false;
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.on(signal, async () => {
    interrupted = true;
    await cleanUp();
    process.exit(code);
  });
}

try {
  await main();
} catch (error) {
  if (!interrupted) {
    process.exitCode = 1;
    await cleanUp();
    process.stderr.write(`\n${error instanceof Error ? error.message : error}\n`);
  }
}
