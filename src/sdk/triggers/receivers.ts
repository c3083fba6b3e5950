import { refusal, TriggerError } from "./errors.ts";
import { bytesOf, bytesOfNode, type NodeBody } from "./received-bytes.ts";
import { type Trigger, type VerifyTriggerOptions, verifyDelivery } from "./verify-delivery.ts";

/**
 * The event in a fetch-style request (Workers, Next.js, Deno, Bun, Node's `Request`). Its body is read here, so pass the
 * request before anything else has read it. Throws a `TriggerError` when the event must not be acted on.
 */
export function verifyTrigger(request: Request, options: VerifyTriggerOptions): Promise<Trigger> {
  const { method, url, headers } = request;
  return verifyDelivery(
    { method, url, authorization: headers.get("authorization"), readBody: (max) => bytesOf(request, max) },
    options,
  );
}

/** A fetch-style handler (a Next.js route handler, a Worker's `fetch`) that is called for verified events alone. */
export function triggerHandler<Rest extends unknown[]>(
  options: VerifyTriggerOptions,
  handle: (trigger: Trigger, request: Request, ...rest: Rest) => Response | Promise<Response>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async function triggerRoute(request, ...rest) {
    let trigger: Trigger;
    try {
      trigger = await verifyTrigger(request, options);
    } catch (error) {
      return responseOf(error);
    }
    return handle(trigger, request, ...rest);
  };
}

/** The part of Hono's context that is used. */
interface HonoContext {
  req: { raw: Request };
  set(name: "trigger", value: Trigger): void;
}

/** Hono middleware: `c.get("trigger")` is the event. Put it before anything that reads the body. */
export function honoTrigger(options: VerifyTriggerOptions) {
  return async function triggerMiddleware(
    context: HonoContext,
    next: () => Promise<void>,
  ): Promise<Response | undefined> {
    try {
      context.set("trigger", await verifyTrigger(context.req.raw, options));
    } catch (error) {
      return responseOf(error);
    }
    await next();
    return undefined;
  };
}

/** The part of Express's request that is used. */
interface ExpressRequest extends NodeBody {
  method: string;
  originalUrl: string;
  protocol: string;
  headers: { host?: string | undefined; authorization?: string | undefined };
  trigger?: Trigger;
}

interface ExpressResponse {
  status(code: number): { json(body: unknown): unknown };
}

/** Express middleware: `req.trigger` is the event. Put it before body parsers: they keep no bytes. */
export function expressTrigger(options: VerifyTriggerOptions) {
  return async function triggerMiddleware(
    request: ExpressRequest,
    response: ExpressResponse,
    next: (error?: unknown) => void,
  ): Promise<void> {
    const { method, originalUrl, protocol, headers } = request;
    const received = {
      method,
      url: `${protocol}://${headers.host ?? ""}${originalUrl}`,
      authorization: headers.authorization ?? null,
      readBody: (max: number) => bytesOfNode(request, max),
    };
    try {
      request.trigger = await verifyDelivery(received, options);
    } catch (error) {
      if (!(error instanceof TriggerError)) return next(error);
      const { status, body } = refusal(error);
      response.status(status).json(body);
      return;
    }
    next();
  };
}

function responseOf(error: unknown): Response {
  if (!(error instanceof TriggerError)) throw error;
  const { status, body } = refusal(error);
  return Response.json(body, { status, headers: { "cache-control": "no-store" } });
}
