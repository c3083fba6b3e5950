import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../scripts/paths.ts";
import { parseObject, text } from "./http.ts";

const VERCEL_API = "https://api.vercel.com";

export interface RoutedRequest {
  method: string;
  path: string;
  status: number;
}

/**
 * Sends what this process sends to Vercel's API to `origin` instead: the origin is all that changes. `requests` grows
 * with every one; `restore` ends it.
 */
export function routeVercelApi(origin: string): { requests: RoutedRequest[]; restore: () => void } {
  const original = globalThis.fetch;
  const requests: RoutedRequest[] = [];
  globalThis.fetch = async (input, init) => {
    const sent = new Request(input, init);
    const url = new URL(sent.url);
    if (url.origin !== VERCEL_API) return original(input, init);
    const path = url.pathname + url.search;
    const response = await original(new Request(origin + path, sent));
    requests.push({ method: sent.method, path, status: response.status });
    return response;
  };
  return {
    requests,
    restore: () => {
      globalThis.fetch = original;
    },
  };
}

/** The version that is installed, from the package's own manifest. */
export async function installedVersion(name: string): Promise<string> {
  return text(parseObject(await readFile(join(root, "node_modules", name, "package.json"), "utf8")), "version");
}
