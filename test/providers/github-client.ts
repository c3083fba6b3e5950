import { inject } from "vitest";
import type { AppCredentials } from "./github/apps.ts";

/** A registered app's, as `registerApp` answers. */
export type RemoteApp = AppCredentials;

/** A GitHub stand-in of one test file, driven over HTTP. */
export interface RemoteGitHub {
  webOrigin: string;
  apiBase: string;
  /** `Control`'s method of that name, or one of `Faults` as `faults.next`. */
  call<T = unknown>(name: string, ...args: unknown[]): Promise<T>;
}

export async function startGitHub(options: { layout?: "github.com" | "ghes" } = {}): Promise<RemoteGitHub> {
  const started = await fetch(inject("githubStarter"), { method: "POST", body: JSON.stringify(options) });
  const { webOrigin, apiBase } = await started.json<{ webOrigin: string; apiBase: string }>();
  return {
    webOrigin,
    apiBase,
    async call(name, ...args) {
      const answer = await fetch(`${webOrigin}/_control`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ call: name, args }),
      });
      const body = await answer.json<{ result: never }>();
      if (!answer.ok) throw new Error(`${name}: ${JSON.stringify(body)}`);
      return body.result;
    },
  };
}
