import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { root } from "./paths.ts";

// `npm run test:wycheproof`: download Wycheproof's vectors, as Debian keeps them in the source of NSS, and judge the
// platform's primitives by them. Ends with 3, and says so, when neither archive can be reached.

const FILE = "n/nss/nss_3.87.1.orig.tar.gz";
const ARCHIVES = [
  "https://deb.debian.org/debian/pool/main",
  "https://snapshot.debian.org/archive/debian/20250520T000000Z/pool/main",
];
/** As Debian signed it in nss_3.87.1-1+deb12u2.dsc. */
const SHA256 = "f30fb0de6986e59420ce3bfea340e801222be1da144b420bcbfec1d977dab4d5";
const FOLDER = "nss-3.87.1/nss/gtests/common";
const MEMBERS = [
  `${FOLDER}/wycheproof/source_vectors/aes_gcm_test.json`,
  `${FOLDER}/testvectors/hmac-sha256-vectors.h`,
  `${FOLDER}/testvectors/hkdf-sha256-vectors.h`,
  `${FOLDER}/testvectors/p256ecdsa-sha256-vectors.h`,
];
const UNREACHABLE = 3;
const kept = join(root, "node_modules/.cache/valetkey/wycheproof");

async function main(): Promise<number> {
  if (!(await isKept())) {
    const archive = await download();
    if (archive === null) {
      process.stderr.write("wycheproof: no archive of Debian could be reached; no vector was run.\n");
      return UNREACHABLE;
    }
    if (createHash("sha256").update(archive).digest("hex") !== SHA256)
      throw new Error(`${FILE} is not what Debian signed.`);
    await unpack(archive);
  }
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const parameters = [vitest, "run", "--config", "vitest.wycheproof.config.ts", ...process.argv.slice(2)];
  const env = { ...process.env, WYCHEPROOF_DIR: kept };
  return spawnSync(process.execPath, parameters, { cwd: root, stdio: "inherit", env }).status ?? 1;
}

async function isKept(): Promise<boolean> {
  return (await readFile(join(kept, "sha256"), "utf8").catch(() => "")) === SHA256;
}

async function download(): Promise<Buffer | null> {
  for (const archive of ARCHIVES) {
    const answer = await fetch(`${archive}/${FILE}`, { signal: AbortSignal.timeout(180_000) }).catch(() => null);
    const body = answer?.ok ? await answer.arrayBuffer().catch(() => null) : null;
    if (body !== null) return Buffer.from(body);
  }
  return null;
}

/** The hash comes last: where it is, everything is. */
async function unpack(archive: Buffer): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "valetkey-wycheproof-"));
  try {
    const { status, stderr } = spawnSync("tar", ["-xzf", "-", "-C", scratch, ...MEMBERS], { input: archive });
    if (status !== 0) throw new Error(`tar could not unpack the vectors: ${stderr}`);
    await rm(kept, { recursive: true, force: true });
    await mkdir(kept, { recursive: true });
    for (const member of MEMBERS) await copyFile(join(scratch, member), join(kept, basename(member)));
    await writeFile(join(kept, "sha256"), SHA256);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

process.exitCode = await main();
