import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { root } from "../../scripts/paths.ts";

export interface Call {
  parameters: string[];
  input: string;
}

/** An account as the fake sees it; tests change it between deploys. */
export interface Account {
  loggedIn: boolean;
  /** Names of the Worker's secrets; null = there is no Worker. */
  secrets: string[] | null;
  databases: string[];
  queues: string[];
  /** Rules of the bucket. */
  rules: string[];
  /** Master keys that rows need. */
  referenced: string[];
  /** Whether there are events. */
  received: boolean;
  /** The primary under which re-sealing began eight days ago or earlier. */
  resealed: string[];
  /** The first words of commands that fail, and what they print. */
  failing: Record<string, string>;
}

export interface FakeWrangler {
  environment: NodeJS.ProcessEnv;
  account(): Promise<Account>;
  change(account: Partial<Account>): Promise<void>;
  calls(): Promise<Call[]>;
  forget(): Promise<void>;
}

const FRESH: Account = {
  loggedIn: true,
  secrets: null,
  databases: [],
  queues: [],
  rules: [],
  referenced: [],
  received: false,
  resealed: [],
  failing: {},
};

/** An executable `wrangler`, first on the PATH of `environment`, that notes its calls and plays a Cloudflare account. */
export async function fakeWrangler(dir: string): Promise<FakeWrangler> {
  const [accountFile, callsFile, bin] = [join(dir, "account.json"), join(dir, "calls.ndjson"), join(dir, "bin")];
  const { devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  await mkdir(bin);
  await writeFile(join(bin, "wrangler"), program(accountFile, callsFile, devDependencies.wrangler));
  await chmod(join(bin, "wrangler"), 0o755);
  const account = async (): Promise<Account> => JSON.parse(await readFile(accountFile, "utf8"));
  const change = async (changed: Partial<Account>) =>
    writeFile(accountFile, JSON.stringify({ ...(await account().catch(() => FRESH)), ...changed }));
  const forget = () => writeFile(callsFile, "");
  await change({});
  await forget();
  return {
    environment: { PATH: `${bin}${delimiter}${process.env.PATH}`, HOME: dir },
    account,
    change,
    forget,
    async calls() {
      const lines = (await readFile(callsFile, "utf8")).split("\n").filter((line) => line !== "");
      return lines.map((line) => JSON.parse(line));
    },
  };
}

function program(accountFile: string, callsFile: string, version: string): string {
  return `#!${process.execPath}
const fs = require("node:fs");
const parameters = process.argv.slice(2);
const input = fs.readFileSync(0, "utf8");
fs.appendFileSync(${JSON.stringify(callsFile)}, JSON.stringify({ parameters, input }) + "\\n");
const account = JSON.parse(fs.readFileSync(${JSON.stringify(accountFile)}, "utf8"));
const save = () => fs.writeFileSync(${JSON.stringify(accountFile)}, JSON.stringify(account));
const print = (value) => console.log(typeof value === "string" ? value : JSON.stringify(value, null, 2));
const end = (text) => { console.error(text); process.exit(1); };
const command = parameters.join(" ");
for (const [start, text] of Object.entries(account.failing)) if (command.startsWith(start)) end(text + " " + input);
if (command === "--version") print(${JSON.stringify(version)});
else if (!account.loggedIn) end("You are not authenticated.");
else if (command.startsWith("whoami")) print({ loggedIn: true });
else if (command.startsWith("secret list")) {
  if (account.secrets === null) end('✘ [ERROR] Worker "valetkey" not found.');
  print(account.secrets.map((name) => ({ name, type: "secret_text" })));
} else if (command.startsWith("secret bulk")) {
  account.secrets = [...new Set([...(account.secrets ?? []), ...Object.keys(JSON.parse(input))])];
  save();
} else if (command.startsWith("d1 list")) print(account.databases.map((name) => ({ uuid: "u", name })));
else if (command.startsWith("d1 create")) { account.databases.push(parameters[2]); save(); }
else if (command.startsWith("queues info")) { if (!account.queues.includes(parameters[2])) end("Queue does not exist."); }
else if (command.startsWith("queues create")) { account.queues.push(parameters[2]); save(); }
else if (command.startsWith("d1 time-travel")) print({ bookmark: "00000001-bookmark" });
else if (command.startsWith("d1 execute")) {
  const kids = command.includes("key_reseal") ? account.resealed
    : command.includes("'received'") ? (account.received ? ["received"] : []) : account.referenced;
  print([{ results: kids.map((kid) => ({ kid })), success: true }]);
} else if (command.startsWith("r2 bucket lifecycle list")) {
  print("Listing lifecycle rules for bucket '" + parameters[4] + "'...");
  for (const name of account.rules) print("name:     " + name + "\\nenabled:  Yes\\n");
} else if (command.startsWith("r2 bucket lifecycle add")) { account.rules.push(parameters[5]); save(); }
else if (command.startsWith("deploy") || command.startsWith("d1 migrations apply")) print("done");
else end("unexpected: " + command);
`;
}
