import { concat } from "./bytes.ts";

/** A piece of one byte takes a hundred times its room, and no call has arguments for a million of them. */
const MAX_PIECES = 4096;

/** Bytes that come in pieces of whatever size, gathered. */
export class Pieces {
  #pieces: Uint8Array[] = [];
  #size = 0;

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#size += piece.length;
    if (this.#pieces.length === MAX_PIECES) this.#pieces = [this.joined()];
  }

  /** All of them, one after the other. */
  joined(): Uint8Array<ArrayBuffer> {
    return concat(...this.#pieces);
  }
}
