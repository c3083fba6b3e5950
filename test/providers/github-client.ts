import { inject } from "vitest";

/** A GitHub stand-in of one test file, driven over HTTP. */
export interface RemoteGitHub {
  webOrigin: string;
  apiBase: string;
  /** `Control`'s method of that name, or one of `Faults` as `faults.next`. */
  call<T = unknown>(name: string, ...args: unknown[]): Promise<T>;
}

/** The credentials of a registered app, as `registerApp` answers. */
export interface RemoteApp {
  id: number;
  slug: string;
  name: string;
  clientId: string;
  clientSecret: string;
  webhookSecret: string | null;
  pem: string;
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
