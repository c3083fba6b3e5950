/**
 * A body of a known length, so that it is sent with a Content-Length, which not every server can do without. `stop`
 * lets go of the rest that nobody reads.
 */
export function sizedStream(source: ReadableStream<Uint8Array>, size: number) {
  const { readable, writable } = new FixedLengthStream(size);
  const controller = new AbortController();
  // A source that breaks off breaks the request: that is where it is noticed.
  source.pipeTo(writable, { signal: controller.signal }).catch(() => {});
  return { body: readable, stop: () => controller.abort() };
}
