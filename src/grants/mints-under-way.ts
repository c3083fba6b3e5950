import type { Result } from "../errors.ts";
import type { GrantTokenRequest } from "./protocol.ts";
import { type RevocationReach, reaches } from "./reach.ts";

/** A mint whose token is not home yet. */
export interface MintUnderWay {
  readonly linkId: string;
  readonly revokedBeforeMs: number;
  /** Set by a revocation that means its token; what it brings home is then not stored. */
  revoked: boolean;
}

/** The mints of one Grant, by token group. One object has one I/O context, so its callers may share a promise. */
export class MintsUnderWay {
  readonly #byGroup = new Map<string, { mint: MintUnderWay; result: Promise<Result<void>> }>();

  get(groupId: string): Promise<Result<void>> | undefined {
    return this.#byGroup.get(groupId)?.result;
  }

  start(
    { groupId, linkId, revokedBeforeMs }: GrantTokenRequest,
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
