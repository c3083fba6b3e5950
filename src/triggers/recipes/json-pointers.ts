import { pointerTokens } from "../../json-pointer.ts";

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

interface GrowingNode {
  members: Map<string, GrowingNode>;
  pointer: string | null;
}
