/** JSON Pointers (RFC 6901) as a tree, so that a scan follows all of them at once. */
export interface PointerNode {
  readonly members: ReadonlyMap<string, PointerNode>;
  /** The pointer that ends here; null = only some that go on. */
  readonly pointer: string | null;
}

/** The tree of `pointers`. `*` is every item of an array; a member of that name is meant in objects. */
export function pointerTree(pointers: Iterable<string>): PointerNode {
  const root: GrowingNode = { members: new Map(), pointer: null };
  for (const pointer of pointers) {
    let node = root;
    for (const token of pointerTokens(pointer)) {
      const next: GrowingNode = node.members.get(token) ?? { members: new Map(), pointer: null };
      node.members.set(token, next);
      node = next;
    }
    node.pointer = pointer;
  }
  return root;
}

/** Whether the text is a JSON Pointer. The empty one means the whole document. */
export function isPointer(text: string): boolean {
  return /^(\/([^~/]|~[01])*)*$/.test(text);
}

function pointerTokens(pointer: string): string[] {
  const tokens = pointer.split("/").slice(1);
  return tokens.map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

interface GrowingNode {
  members: Map<string, GrowingNode>;
  pointer: string | null;
}
