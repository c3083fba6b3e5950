import {
  BACKSLASH,
  BOM,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  ESCAPED,
  isHexDigit,
  isSpace,
  LITERALS,
  LOWER_U,
  NULL,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  TRUE,
} from "./json-bytes.ts";
import { Captures, type JsonValue, UNREAD } from "./json-captures.ts";
import { type NumberState, numberGoesOn, numberMayEnd, numberStart } from "./json-numbers.ts";
import { type PointerNode, pointerTree } from "./json-pointers.ts";
import { JsonToken } from "./json-token.ts";

/** Levels; a document that nests deeper counts as unreadable. */
const MAX_DEPTH = 1000;

type State =
  | "value"
  | "first-item"
  | "item"
  | "first-name"
  | "name"
  | "colon"
  | "after-value"
  | "string"
  | "escape"
  | "unicode"
  | "number"
  | "literal"
  | "invalid";

/**
 * Reads the scalars at some pointers out of a JSON text that comes in pieces, and holds nothing else of it. What it
 * finds is what `JSON.parse` of the whole would hold there (of members with one name, the last), but that whole
 * numbers beyond 2^53 stay texts, and that what is longer than 4 KiB, or too much, is `UNREAD`.
 */
export class JsonScanner {
  readonly #captures = new Captures();
  #state: State = "value";
  /** Of every open level, whether it is an object. */
  readonly #levels: boolean[] = [];
  /** What the value that comes next, or that is being read, is for. */
  #nodes: readonly PointerNode[];
  #offset = 0;
  /** Where the string that is being read began. */
  #stringStart = 0;
  readonly #token = new JsonToken();
  #literalLength = 0;
  #isName = false;
  #digitsLeft = 0;
  #number: NumberState = "minus";
  #literal = TRUE;
  #bomLength = 0;
  readonly #onText: (start: number, end: number) => void;

  /** `onText` is told where each text at a pointer begins and ends (bytes, between its quotes), forgotten ones included. */
  constructor(pointers: Iterable<string>, onText: (start: number, end: number) => void = () => undefined) {
    this.#nodes = [pointerTree(pointers)];
    this.#onText = onText;
  }

  /** The next bytes. They may be reused afterwards. */
  write(chunk: Uint8Array): void {
    for (let index = 0; index < chunk.length && this.#state !== "invalid"; ) {
      if (this.#state === "string") index = this.#readString(chunk, index);
      else if (this.#state === "number") index = this.#readNumber(chunk, index);
      else this.#step(chunk[index] ?? 0, index++);
    }
    this.#offset += chunk.length;
  }

  /** What stands at each pointer, in the text's order; null when the text is no JSON. */
  finish(): Captures | null {
    if (this.#state === "number" && numberMayEnd(this.#number)) this.#endNumber();
    const isWhole = this.#state === "after-value" && this.#levels.length === 0 && [0, 3].includes(this.#bomLength);
    return isWhole ? this.#captures : null;
  }

  /** Takes one byte outside of a string and a number. */
  #step(byte: number, index: number): void {
    if (this.#state === "literal") this.#readLiteral(byte);
    else if (this.#state === "escape") this.#readEscape(byte);
    else if (this.#state === "unicode") {
      this.#token.keep(byte);
      if (!isHexDigit(byte)) this.#state = "invalid";
      else if (--this.#digitsLeft === 0) this.#state = "string";
    } else if (this.#offset + index === this.#bomLength && byte === BOM[this.#bomLength]) {
      // `JSON.parse` is given texts without a byte order mark.
      this.#bomLength++;
    } else if (!isSpace(byte)) this.#readStructure(byte, index);
  }

  #readStructure(byte: number, index: number): void {
    const state = this.#state;
    const inObject = this.#levels[this.#levels.length - 1];
    if (state === "after-value") {
      if (byte === COMMA && inObject === true) this.#state = "name";
      else if (byte === COMMA && inObject === false) this.#state = "item";
      else if (byte === (inObject === true ? CLOSE_BRACE : CLOSE_BRACKET) && inObject !== undefined) this.#close();
      else this.#state = "invalid";
    } else if (state === "colon") {
      this.#state = byte === COLON ? "value" : "invalid";
    } else if (state === "first-name" && byte === CLOSE_BRACE) {
      this.#close();
    } else if (state === "first-name" || state === "name") {
      if (byte === QUOTE) this.#beginString(true, index);
      else this.#state = "invalid";
    } else if (state === "first-item" && byte === CLOSE_BRACKET) {
      this.#close();
    } else {
      if (state !== "value") this.#nodes = this.#captures.item();
      this.#beginValue(byte, index);
    }
  }

  #beginValue(byte: number, index: number): void {
    const number = numberStart(byte);
    if (byte === QUOTE) this.#beginString(false, index);
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#open(byte === OPEN_BRACE);
    else if (number !== null) {
      this.#token.begin(this.#isCaptured());
      this.#token.keep(byte);
      this.#number = number;
      this.#state = "number";
    } else {
      const literal = LITERALS.find((candidate) => candidate[0] === byte);
      this.#literal = literal ?? TRUE;
      this.#literalLength = 1;
      this.#state = literal === undefined ? "invalid" : "literal";
    }
  }

  #open(isObject: boolean): void {
    if (this.#levels.length === MAX_DEPTH) {
      this.#state = "invalid";
      return;
    }
    this.#levels.push(isObject);
    this.#captures.open(this.#nodes);
    this.#state = isObject ? "first-name" : "first-item";
  }

  #close(): void {
    this.#levels.pop();
    this.#captures.close();
    this.#state = "after-value";
  }

  #beginString(isName: boolean, index: number): void {
    this.#isName = isName;
    this.#stringStart = this.#offset + index + 1;
    this.#token.begin(isName ? this.#captures.wantsNames() : this.#isCaptured());
    this.#state = "string";
  }

  #readString(chunk: Uint8Array, from: number): number {
    let end = from;
    for (; end < chunk.length; end++) {
      const byte = chunk[end] ?? 0;
      if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) break;
    }
    this.#token.keepAll(chunk, from, end);
    if (end === chunk.length) return end;
    const byte = chunk[end];
    if (byte === BACKSLASH) {
      this.#token.keep(BACKSLASH);
      this.#state = "escape";
    } else if (byte === QUOTE) this.#endString(end);
    else this.#state = "invalid";
    return end + 1;
  }

  #readEscape(byte: number): void {
    this.#token.keep(byte);
    this.#digitsLeft = 4;
    this.#state = byte === LOWER_U ? "unicode" : ESCAPED.includes(byte) ? "string" : "invalid";
  }

  #endString(index: number): void {
    const text = this.#token.text();
    if (this.#isName) {
      this.#nodes = text === null ? [] : this.#captures.member(text);
      this.#state = "colon";
    } else {
      this.#capture(text ?? UNREAD);
      if (this.#isCaptured()) this.#onText(this.#stringStart, this.#offset + index);
      this.#state = "after-value";
    }
  }

  /** Reads on to the number's end, whose next byte is then to be looked at. */
  #readNumber(chunk: Uint8Array, from: number): number {
    let end = from;
    for (; end < chunk.length; end++) {
      const next = numberGoesOn(this.#number, chunk[end] ?? 0);
      if (next === null) break;
      this.#number = next;
    }
    this.#token.keepAll(chunk, from, end);
    if (end === chunk.length) return end;
    if (numberMayEnd(this.#number)) this.#endNumber();
    else this.#state = "invalid";
    return end;
  }

  #endNumber(): void {
    if (this.#isCaptured()) {
      const text = this.#token.text();
      const value = Number(text);
      const isExact = text !== null && (!/^-?\d+$/.test(text) || Number.isSafeInteger(value));
      this.#capture(isExact ? value : (text ?? UNREAD));
    }
    this.#state = "after-value";
  }

  #readLiteral(byte: number): void {
    if (byte !== this.#literal[this.#literalLength]) this.#state = "invalid";
    else if (++this.#literalLength === this.#literal.length) {
      this.#capture(this.#literal === NULL ? null : this.#literal === TRUE);
      this.#state = "after-value";
    }
  }

  #isCaptured(): boolean {
    return this.#nodes.some((node) => node.pointer !== null);
  }

  #capture(value: JsonValue): void {
    this.#captures.add(this.#nodes, value);
  }
}
