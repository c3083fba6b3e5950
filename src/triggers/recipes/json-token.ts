/** Of a value or a name, as written. */
const MAX_BYTES = 4096;

/** The bytes of the name, string or number that a scan is reading, kept only where somebody wants them. */
export class JsonToken {
  /** Made when somebody wants something: most of a text is skipped. */
  #bytes = NOTHING;
  #length = 0;
  #wanted = false;

  begin(wanted: boolean): void {
    this.#length = 0;
    this.#wanted = wanted;
    if (wanted && this.#bytes === NOTHING) this.#bytes = new Uint8Array(MAX_BYTES);
  }

  keep(byte: number): void {
    if (this.#wanted && this.#length < MAX_BYTES) this.#bytes[this.#length] = byte;
    this.#length++;
  }

  keepAll(chunk: Uint8Array, start: number, end: number): void {
    const fits = this.#length + end - start <= MAX_BYTES;
    if (this.#wanted && fits) this.#bytes.set(chunk.subarray(start, end), this.#length);
    this.#length += end - start;
  }

  /** What it says, its escapes (checked before) resolved; null = nobody wanted it, or it was too long to keep. */
  text(): string | null {
    if (!this.#wanted || this.#length > MAX_BYTES) return null;
    const raw = decoder.decode(this.#bytes.subarray(0, this.#length));
    // The platform's parser knows best what an escape stands for.
    return raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const NOTHING = new Uint8Array();
