import type { PointerNode } from "./json-pointers.ts";

/** Stands for a value that is there but was too long, or one too many, to be kept. */
export const UNREAD = Symbol("unread");
/** A scalar as `JSON.parse` would have it. */
export type JsonValue = string | number | boolean | null | typeof UNREAD;

const MAX_VALUES = 1000;
/** Of all that is kept together, in UTF-16 code units. */
const MAX_LENGTH = 24 * 1024;

interface Entry {
  pointer: string;
  value: JsonValue;
}

/** An open object or array that lies on the way to a pointer. */
interface Frame {
  nodes: readonly PointerNode[];
  /** Of an array: the item that is being read. */
  index: number;
  /** Of an object: what was found under each name that matters. */
  seen: Map<string, Set<Entry>>;
  /** Those of the name that is being read. */
  current: Set<Entry> | null;
}

/** What a scan has found so far, and where in the pointers' tree it is. */
export class Captures {
  readonly #entries = new Set<Entry>();
  readonly #overflowed = new Set<string>();
  #length = 0;
  readonly #frames: Frame[] = [];
  /** Open levels within the last frame that no pointer leads into. */
  #deeper = 0;

  /** The values at a pointer, in the text's order; `UNREAD` stands last for those that were not kept. */
  at(pointer: string): JsonValue[] {
    const values = [...this.#entries].filter((entry) => entry.pointer === pointer).map((entry) => entry.value);
    return this.#overflowed.has(pointer) ? [...values, UNREAD] : values;
  }

  open(nodes: readonly PointerNode[]): void {
    if (this.#deeper > 0 || !nodes.some((node) => node.members.size > 0)) this.#deeper++;
    else this.#frames.push({ nodes, index: -1, seen: new Map(), current: null });
  }

  close(): void {
    if (this.#deeper > 0) this.#deeper--;
    else this.#frames.pop();
  }

  /** Whether any name of the innermost object matters. */
  wantsNames(): boolean {
    return this.#deeper === 0 && this.#frames.length > 0;
  }

  /** The next item of the innermost array: what it is for. */
  item(): readonly PointerNode[] {
    const frame = this.#frame();
    if (frame === undefined) return NOTHING;
    frame.index++;
    const names = [String(frame.index), "*"];
    return frame.nodes.flatMap((node) => names.flatMap((name) => node.members.get(name) ?? []));
  }

  /** The member of that name of the innermost object: what it is for. What an earlier one of the name held is forgotten. */
  member(name: string): readonly PointerNode[] {
    const frame = this.#frame();
    const nodes = frame?.nodes.flatMap((node) => node.members.get(name) ?? []) ?? [];
    if (frame === undefined || nodes.length === 0) return NOTHING;
    for (const entry of frame.seen.get(name) ?? []) this.#forget(entry);
    frame.current = new Set();
    frame.seen.set(name, frame.current);
    return nodes;
  }

  /** Keeps a value under each pointer that ends at it. */
  add(nodes: readonly PointerNode[], value: JsonValue): void {
    for (const { pointer } of nodes) if (pointer !== null) this.#add(pointer, value);
  }

  #add(pointer: string, value: JsonValue): void {
    const length = typeof value === "string" ? value.length : 1;
    if (this.#entries.size === MAX_VALUES || this.#length + length > MAX_LENGTH) {
      this.#overflowed.add(pointer);
      return;
    }
    const entry: Entry = { pointer, value };
    this.#entries.add(entry);
    this.#length += length;
    for (const frame of this.#frames) frame.current?.add(entry);
  }

  #frame(): Frame | undefined {
    return this.#deeper > 0 ? undefined : this.#frames.at(-1);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry);
    this.#length -= typeof entry.value === "string" ? entry.value.length : 1;
    for (const frame of this.#frames) frame.current?.delete(entry);
  }
}

const NOTHING: readonly PointerNode[] = [];
