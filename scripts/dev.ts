import { relative } from "node:path";
import { root } from "./paths.ts";
import { keyFile, type LocalSettings, readKeyFile, resolveSettings } from "./settings.ts";
import { startWorker } from "./worker.ts";

// `npm run dev`: serve the Worker on this machine with lasting state. Creates keys and schemas, no data.

async function main(): Promise<void> {
  const file = await readKeyFile(process.env);
  const settings = resolveSettings(process.env, file);
  const worker = await startWorker({ ...settings, quiet: false });
  process.stdout.write(welcome(settings, worker.origin));
}

function welcome({ stateDir, vars }: LocalSettings, origin: string): string {
  const keys = shown(keyFile);
  const fromEnvironment = Boolean(process.env.SETUP_TOKEN);
  const setupToken = fromEnvironment ? "$SETUP_TOKEN" : `$(grep ^SETUP_TOKEN= ${keys} | cut -d= -f2- | tr -d '"')`;
  const elsewhere = vars.PUBLIC_ORIGIN === origin ? "" : `  Public   ${vars.PUBLIC_ORIGIN}\n`;
  return `
Valetkey is serving.

  URL      ${origin}
${elsewhere}  State    ${shown(stateDir)}  (delete it to start over)
  Keys     ${process.env.MASTER_KEYS ? "MASTER_KEYS of the environment" : `${keys}  (keep it with the state; never commit it)`}

Claim the deployment once. The setup token is ${fromEnvironment ? "the SETUP_TOKEN of the environment" : `SETUP_TOKEN in ${keys}`}:

  curl -s ${origin}/v1/setup -H 'content-type: application/json' \\
    -d "{\\"setupToken\\":\\"${setupToken}\\"}"

The answer's accessToken is the owner's; it is shown only there. Ctrl-C ends.

`;
}

function shown(path: string): string {
  const short = relative(root, path);
  return short.startsWith("..") ? path : short;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
