import { connect, type Socket } from "node:net";

// The load generator, in a process of its own: keep-alive connections that each send the next prepared request as soon
// as the last answer has arrived. Raw sockets, because an HTTP client would cost more than the server it measures.

export interface LoadOrder {
  port: number;
  /** Whole HTTP/1.1 requests; sent in this order, from the start again when they run out. */
  requests: string[];
  count: number;
  connections: number;
}

export interface LoadReport {
  elapsedMs: number;
  /** Of each answer, in milliseconds, ascending. */
  latenciesMs: Float64Array;
  /** By status. */
  statuses: Record<string, number>;
  /** The first answer that was not 200, if any. */
  refusal: string | null;
}

const HEADER_END = "\r\n\r\n";
const TIMEOUT_MS = 120_000;

async function run({ port, requests, count, connections }: LoadOrder): Promise<LoadReport> {
  const prepared = requests.map((request) => Buffer.from(request));
  const latenciesMs = new Float64Array(count);
  const statuses: Record<string, number> = {};
  let refusal: string | null = null;
  let sent = 0;
  let answered = 0;
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  const startedMs = performance.now();
  await Promise.all(sockets.map((socket) => drive(socket)));
  const elapsedMs = performance.now() - startedMs;
  for (const socket of sockets) socket.destroy();
  return { elapsedMs, latenciesMs: latenciesMs.sort(), statuses, refusal };

  function drive(socket: Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      let sentAtMs = 0;
      let pending = "";
      const next = () => {
        if (sent >= count) return resolve();
        const request = prepared[sent++ % prepared.length];
        sentAtMs = performance.now();
        socket.write(request ?? "");
      };
      socket.setTimeout(TIMEOUT_MS, () => reject(new Error("The Worker did not answer in time.")));
      socket.on("error", reject).on("close", () => {
        if (answered < count) reject(new Error("The Worker closed a connection."));
      });
      socket.on("data", (chunk: Buffer) => {
        // One byte a character, so that lengths are bytes.
        pending += chunk.toString("latin1");
        const length = answerLength(pending);
        if (length === null || pending.length < length) return;
        latenciesMs[answered++] = performance.now() - sentAtMs;
        const status = pending.slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (status !== "200") refusal ??= pending;
        pending = pending.slice(length);
        next();
      });
      next();
    });
  }
}

/** Bytes of the answer that `text` begins with; null while that cannot be told. */
function answerLength(text: string): number | null {
  const head = text.indexOf(HEADER_END);
  if (head < 0) return null;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head + 2))?.[1];
  if (length === undefined) throw new Error("An answer without Content-Length cannot be measured.");
  return head + HEADER_END.length + Number(length);
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

process.on("message", async (order: LoadOrder) => {
  try {
    process.send?.({ report: await run(order) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
});
// It lives exactly as long as who started it.
process.on("disconnect", () => process.exit(0));
