import * as z from "zod/mini";

const errorBody = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    request_id: z.optional(z.string()),
    vendor: z.optional(z.record(z.string(), z.unknown())),
  }),
});

/**
 * A refusal as an error that can be thrown over RPC: own properties arrive there, classes do not.
 * https://developers.cloudflare.com/workers/runtime-apis/rpc/error-handling/
 */
export async function rpcError(response: Response): Promise<Error> {
  const { error } = errorBody.parse(await response.json());
  const retryAfterSeconds = response.headers.get("retry-after");
  return errorOf(error.message, {
    code: error.code,
    status: response.status,
    requestId: error.request_id,
    vendor: error.vendor,
    retryAfterMs: retryAfterSeconds === null ? undefined : Number(retryAfterSeconds) * 1000,
  });
}

/** Arguments that could not even be sent. */
export function badRequest(message: string): Error {
  return errorOf(message, { code: "bad_request", status: 400 });
}

interface Details {
  code: string;
  status: number;
  requestId?: string | undefined;
  vendor?: Record<string, unknown> | undefined;
  retryAfterMs?: number | undefined;
}

function errorOf(message: string, details: Details): Error {
  const present = Object.entries(details).filter(([, value]) => value !== undefined);
  return Object.assign(new Error(message), { name: "ConnectError", ...Object.fromEntries(present) });
}
