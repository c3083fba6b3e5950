import type { IngestMessage } from "../events/event.ts";

/** Where verified events wait for their fan-out. */
export interface IngestQueue {
  /** Resolves once the message is on disk; whatever the platform throws is thrown. */
  send(message: IngestMessage): Promise<void>;
}

/** A queue behind that port, with messages as structured clones: bytes stay bytes. */
export function cloudflareIngestQueue(queue: Pick<Queue<IngestMessage>, "send">): IngestQueue {
  return {
    async send(message) {
      await queue.send(message, { contentType: "v8" });
    },
  };
}
