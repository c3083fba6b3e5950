import { describe, expect, test } from "vitest";
import { Pieces } from "../../src/crypto/pieces.ts";
import { readCapped } from "../../src/http/body.ts";

/** `count` pieces of a byte each: more than any call has arguments for. */
function* bytesOneByOne(count: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let index = 0; index < count; index++) yield Uint8Array.of(index & 255);
}

describe("bytes in pieces", () => {
  test("come out as one, in order, however many pieces they were and whatever sizes these had", () => {
    for (const count of [0, 1, 4095, 4096, 4097, 200_000]) {
      const pieces = new Pieces();
      for (const piece of bytesOneByOne(count)) pieces.add(piece);
      expect(pieces.size).toBe(count);
      const joined = pieces.joined();
      expect([joined.length, joined.every((byte, index) => byte === (index & 255))]).toEqual([count, true]);
    }
    const mixed = new Pieces();
    for (const text of ["", "ab", "", "c"]) mixed.add(new TextEncoder().encode(text));
    expect([mixed.size, new TextDecoder().decode(mixed.joined())]).toEqual([3, "abc"]);
  });

  test("a request's body that comes byte by byte is read like any other", async () => {
    const pieces = bytesOneByOne(200_000);
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        const { done, value } = pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
    });
    // Node, where the code is mutated, insists on `duplex`.
    const init = { method: "POST", body: stream, duplex: "half" };
    const request = new Request("https://a.example/", init);
    const read = await readCapped(request, 256 * 1024);
    expect(read.ok && read.value.length).toBe(200_000);
  });
});
