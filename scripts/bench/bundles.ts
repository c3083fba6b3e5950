import { join } from "node:path";
import { runWrangler, wranglerEnvironment } from "../wrangler.ts";

export interface Bundles {
  /** What is deployed. */
  product: string;
  /** The same modules with a token memory of one entry. */
  kvOnly: string;
  ceiling: string;
  /** The deployed modules, and a way to have many users authorize. */
  flood: string;
}

/** Bundle the product and its ceilings the way a deployment is: the same tool, settings and minifier. Paths of modules. */
export async function bundleWorkers(scratch: string): Promise<Bundles> {
  const bundle = async (entry: string, name: string): Promise<string> => {
    const outdir = join(scratch, name);
    await runWrangler(["deploy", entry, "--dry-run", "--minify", "--outdir", outdir], wranglerEnvironment(scratch));
    return join(outdir, `${name}.js`);
  };
  return {
    product: await bundle("src/index.ts", "index"),
    kvOnly: await bundle("scripts/bench/worker/kv-only.ts", "kv-only"),
    ceiling: await bundle("scripts/bench/worker/ceiling.ts", "ceiling"),
    flood: await bundle("scripts/bench/worker/flood.ts", "flood"),
  };
}
