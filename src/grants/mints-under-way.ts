import type { Result } from "../errors.ts";
import { type RevocableFacts, type RevocationReach, reaches } from "./reach.ts";

/** A call whose tokens are not home yet. */
export interface MintUnderWay extends Readonly<RevocableFacts> {
  /** Set by a revocation that means its token; what it brings home is then not stored. */
  revoked: boolean;
}

/** The calls of one Grant, by what they are for. One object has one I/O context, so its callers may share a promise. */
export class MintsUnderWay {
  readonly #byGroup = new Map<string, { mint: MintUnderWay; result: Promise<Result<void>> }>();

  get(groupId: string): Promise<Result<void>> | undefined {
    return this.#byGroup.get(groupId)?.result;
  }

  start(
    { groupId, linkId, revokedBeforeMs }: RevocableFacts & { groupId: string },
    work: (mint: MintUnderWay) => Promise<Result<void>>,
  ): Promise<Result<void>> {
    const mint: MintUnderWay = { linkId, revokedBeforeMs, revoked: false };
    const result = work(mint).finally(() => this.#byGroup.delete(groupId));
    this.#byGroup.set(groupId, { mint, result });
    return result;
  }

  /** Marks those whose tokens a revocation means. */
  revoke(reach: RevocationReach): void {
    for (const { mint } of this.#byGroup.values()) mint.revoked ||= reaches(reach, mint);
  }

  /** How many will bring home a token that was revoked before it came. */
  revokedCount(): number {
    return [...this.#byGroup.values()].filter(({ mint }) => mint.revoked).length;
  }
}
