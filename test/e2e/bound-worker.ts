import type { ConnectBinding } from "valetkey";

/** What the test asks this Worker to call, and how its answer is read. */
export interface BoundCall {
  binding: string;
  method: string;
  args: unknown[];
}

export type BoundAnswer = { value: unknown } | { error: Record<string, unknown> };

/** A Worker of the deployment's own account: no credential, only service bindings with `props`. */
// biome-ignore lint/style/noDefaultExport: a Worker's handlers are its default export
export default {
  async fetch(request: Request, env: Record<string, ConnectBinding & Record<string, Callable>>): Promise<Response> {
    const { binding, method, args }: BoundCall = JSON.parse(await request.text());
    const answer = await settle(async () => env[binding]?.[method]?.(...args));
    return new Response(JSON.stringify(answer), { headers: { "content-type": "application/json" } });
  },
};

type Callable = (...args: unknown[]) => Promise<unknown>;

async function settle(call: () => Promise<unknown>): Promise<BoundAnswer> {
  try {
    return { value: await call() };
  } catch (error) {
    if (!(error instanceof Error)) return { error: { thrown: String(error) } };
    return { error: { ...error, message: error.message } };
  }
}
