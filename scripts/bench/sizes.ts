import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "../paths.ts";
import { runWrangler, wranglerEnvironment } from "../wrangler.ts";

export interface Sizes {
  workerGzipKib: number;
  /** From loading the script to the end of its top level, by `wrangler check startup`. */
  startupMs: number;
  /** The client's root entry, minified. */
  clientGzipKib: number;
}

export async function measureSizes(productPath: string, scratch: string): Promise<Sizes> {
  const profilePath = join(scratch, "startup.cpuprofile");
  const environment = wranglerEnvironment(scratch);
  await runWrangler(["check", "startup", "--args=--minify", "--outfile", profilePath], environment);
  const profile: { startTime: number; endTime: number } = JSON.parse(await readFile(profilePath, "utf8"));
  const client = await build({
    entryPoints: [join(root, "src/sdk/index.ts")],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    write: false,
    // The code names them in its own way.
    external: ["node:*"],
  });
  return {
    workerGzipKib: gzipSync(await readFile(productPath)).length / 1024,
    startupMs: (profile.endTime - profile.startTime) / 1000,
    clientGzipKib: gzipSync(client.outputFiles[0]?.contents ?? "").length / 1024,
  };
}
