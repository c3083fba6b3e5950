import { fileURLToPath } from "node:url";

/** Absolute path of the repository. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** Wrangler's entry point, run with this process's own Node: `npx` could find another version of either. */
export const wranglerBin = fileURLToPath(new URL("../node_modules/wrangler/bin/wrangler.js", import.meta.url));
