import { describe, expect, test } from "vitest";
import { mintAccessToken, parseAccessToken, verifyAccessToken } from "../../src/callers/access-token.ts";
import { loadKeyRing } from "../../src/crypto/key-ring.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { unwrap } from "../../src/errors.ts";
import { keys } from "./support.ts";

const minted = await mintAccessToken(keys, randomBytes);
const row = { id: minted.id, secretMac: minted.mac, secretMacKid: minted.kid };

async function parsed(text: string) {
  const result = await parseAccessToken(text);
  if (result === null) throw new Error("not an access token");
  return result;
}

describe("access tokens", () => {
  test("a token has its documented shape, and no two are alike", async () => {
    expect(minted.token.expose()).toMatch(/^vk_[0-9a-hjkmnp-tv-z]{20}_[A-Za-z0-9_-]{43}_[0-9a-f]{6}$/);
    const others = await Promise.all(Array.from({ length: 50 }, () => mintAccessToken(keys, randomBytes)));
    expect(new Set(others.map(({ token }) => token.expose())).size).toBe(50);
    expect(JSON.stringify(minted)).not.toContain(minted.token.expose());
  });

  test("B-18 a token has one spelling: with anything before or behind it, it is none", async () => {
    const text = minted.token.expose();
    for (const other of [
      `x${text}`,
      ` ${text}`,
      `${text}0`,
      `${text}\n`,
      `${text} `,
      text.slice(0, -1),
      text.slice(1),
    ]) {
      expect(await parseAccessToken(other)).toBeNull();
    }
  });

  test("B-18 the genuine token verifies, every other secret does not", async () => {
    expect(await verifyAccessToken(keys, await parsed(minted.token.expose()), row)).toBe(true);
    const other = await parsed((await mintAccessToken(keys, randomBytes)).token.expose());
    expect(await verifyAccessToken(keys, { ...other, id: minted.id }, row)).toBe(false);
  });

  test("B-18 a row holds nothing that authenticates: neither its MAC nor its id are a token", async () => {
    expect(await parseAccessToken(`vk_${row.id}_${row.secretMac}_000000`)).toBeNull();
    const { secret: _, ...rest } = await parsed(minted.token.expose());
    expect(await verifyAccessToken(keys, { ...rest, secret: Secret.of(row.secretMac) }, row)).toBe(false);
  });

  test("B-18 an unknown id is refused, with the same computation", async () => {
    expect(await verifyAccessToken(keys, await parsed(minted.token.expose()), null)).toBe(false);
  });

  test("B-18 a MAC that was moved to another row does not verify there", async () => {
    const other = await mintAccessToken(keys, randomBytes);
    const moved = { id: other.id, secretMac: minted.mac, secretMacKid: minted.kid };
    expect(await verifyAccessToken(keys, { ...(await parsed(minted.token.expose())), id: other.id }, moved)).toBe(
      false,
    );
    expect(await verifyAccessToken(keys, await parsed(minted.token.expose()), moved)).toBe(false);
  });

  test("a row of a key that left the ring is refused; a ring with a new primary still reads it", async () => {
    const text = minted.token.expose();
    expect(await verifyAccessToken(keys, await parsed(text), { ...row, secretMacKid: "gone" })).toBe(false);
    const fresh = btoa(String.fromCharCode(...randomBytes(32)));
    const rotated = unwrap(await loadKeyRing(`k9:${fresh},k1:dmFsZXRrZXktdGVzdC1vbmx5LW1hc3Rlci1rZXktISE=`));
    expect(await verifyAccessToken(rotated, await parsed(text), row)).toBe(true);
  });

  test("B-18 a missing row and a missing key verify nothing, even for an id and a MAC that are empty", async () => {
    const genuine = await parsed(minted.token.expose());
    expect(await verifyAccessToken(keys, genuine, { id: genuine.id, secretMac: "", secretMacKid: "gone" })).toBe(false);
    expect(await verifyAccessToken({ ...keys, key: () => null }, genuine, null)).toBe(false);
  });

  test("none is made under a ring that lacks its own primary key", async () => {
    await expect(mintAccessToken({ ...keys, key: () => null }, randomBytes)).rejects.toMatchObject({
      failure: { code: "key_missing", reason: "the ring lacks its primary key" },
    });
  });

  test("B-18 a token with anything before or behind it is none", async () => {
    const text = minted.token.expose();
    for (const other of [`x${text}`, ` ${text}`, `${text}0`, `${text}\n`])
      expect(await parseAccessToken(other)).toBeNull();
  });

  test("a mistyped character is caught by the checksum, without any look-up", async () => {
    const text = minted.token.expose();
    for (const index of [3, 22, 24, 66, 68, 73]) {
      const changed = text.slice(0, index) + (text[index] === "0" ? "1" : "0") + text.slice(index + 1);
      expect(await parseAccessToken(changed), changed).toBeNull();
    }
  });

  test.each(["", "vk_", "vk__ _", "VK_x", " ", "vk_\n"])("%j is no access token", async (text) => {
    expect(await parseAccessToken(text)).toBeNull();
    expect(await parseAccessToken(minted.token.expose() + text)).toEqual(text === "" ? expect.anything() : null);
  });
});
