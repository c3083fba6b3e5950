import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { root } from "../paths.ts";
import type { DeployOptions } from "./options.ts";
import { readSecrets } from "./secrets-file.ts";
import { type DeployDeps, type DeployState, Refusal } from "./state.ts";
import { type Resources, type Step, steps } from "./steps.ts";

/**
 * Bring the account to the state of this checkout, step by step; with `dryRun` only say how. May be repeated at any
 * time. Throws a `Refusal` that says what to do, after which nothing of the later steps was done.
 */
export async function deploy(options: DeployOptions, deps: DeployDeps): Promise<void> {
  const sequence = steps(await namedResources());
  if (options.dryRun) {
    deps.write(`Nothing is done. A deploy would:\n${sequence.map(describe).join("")}`);
    return;
  }
  const stored = await readSecrets(options.secretsFile, {});
  const secrets = await readSecrets(options.secretsFile, deps.environment);
  const state: DeployState = {
    options,
    deps,
    stored,
    secrets,
    origin: "",
    present: null,
    databaseIsNew: false,
    bookmark: null,
    claimed: false,
  };
  for (const [index, step] of sequence.entries()) {
    deps.write(`${index + 1}/${sequence.length} ${step.title}\n`);
    await step.run(state);
  }
  deps.write(farewell(state));
}

function describe({ title, condition, commands }: Step, index: number): string {
  const lines = commands.map((command) =>
    command[0] === "GET" ? `     ${command.join(" ")}\n` : `     wrangler ${command.map(quoted).join(" ")}\n`,
  );
  return `${String(index + 1).padStart(3)}. ${title}${condition === undefined ? "" : ` (${condition})`}\n${lines.join("")}`;
}

const quoted = (word: string): string => (/^[\w./:=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function farewell({ origin, options, claimed, bookmark }: DeployState): string {
  const file = relative(process.cwd(), options.secretsFile);
  const token = `$(grep ^SETUP_TOKEN= ${file} | cut -d= -f2- | tr -d '"')`;
  const claim = `
Claim it at once; whoever has the setup token first is its owner. The token is SETUP_TOKEN in ${file}:

  curl -s ${origin}/v1/setup -H 'content-type: application/json' -d "{\\"setupToken\\":\\"${token}\\"}"

Keep a copy of ${file} apart from Cloudflare: without MASTER_KEYS everything sealed is lost.
`;
  const undo =
    bookmark === null
      ? ""
      : `\nThe database as it was before: wrangler d1 time-travel restore DB --bookmark=${bookmark}\n`;
  return `\nValetkey serves at ${origin}\n${undo}${claimed ? "" : claim}`;
}

/** As wrangler.toml names them. */
async function namedResources(): Promise<Resources> {
  const settings = await readFile(join(root, "wrangler.toml"), "utf8");
  const nameOf = (binding: string, kind: "database" | "bucket") => {
    const name = new RegExp(`^binding = "${binding}".*\\n${kind}_name = "([^"]+)"`, "m").exec(settings)?.[1];
    if (name === undefined) throw new Refusal(`wrangler.toml names no ${kind} for ${binding}.`);
    return name;
  };
  const consumed = settings.matchAll(/^\[\[queues\.consumers\]\]\nqueue = "([^"]+)"/gm);
  return {
    database: nameOf("DB", "database"),
    eventsDatabase: nameOf("EVENTS", "database"),
    bucket: nameOf("BLOBS", "bucket"),
    queues: [...consumed].map(([, name = ""]) => name),
  };
}
