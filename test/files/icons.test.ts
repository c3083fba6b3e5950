import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { sha1Hex } from "../../src/crypto/digest.ts";
import { checkIcon, MAX_ICON_BYTES } from "../../src/files/icon-image.ts";
import { apiKeyBody, created, newWorld, type World } from "../connectors/world.ts";
import { chunk, END, joined, jpeg, PNG_SIGNATURE, png, text } from "./pictures.ts";

const typeOf = (bytes: Uint8Array) => {
  const checked = checkIcon(bytes);
  return checked.ok ? checked.value : checked.failure.code;
};

describe("U-02 what counts as an icon", () => {
  test("PNG and JPEG, square, from 640 to 4096 pixels", () => {
    for (const side of [640, 1000, 4096]) {
      expect(typeOf(png(side))).toBe("image/png");
      expect(typeOf(jpeg(side))).toBe("image/jpeg");
    }
    for (const [width, height] of [
      [639, 639],
      [4097, 4097],
      [30_000, 30_000],
      [640, 641],
      [0, 0],
      [4294967295, 4294967295],
    ] as const) {
      expect([width, height, typeOf(png(width, height))]).toEqual([width, height, "invalid_icon"]);
      const [w, h] = [Math.min(width, 65_535), Math.min(height, 65_535)];
      expect([w, h, typeOf(jpeg(w, h))]).toEqual([w, h, "invalid_icon"]);
    }
  });

  test("U-02 nothing that a browser could run, whatever stands in front of it", () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>';
    for (const bytes of [
      text(svg),
      text("<!DOCTYPE html><script>alert(1)</script>"),
      text("GIF89a"),
      text("RIFF....WEBPVP8 "),
      text(""),
      joined(png(), text("<script>alert(1)</script>")),
      joined(jpeg(), text(svg)),
      joined(png(), jpeg()),
      jpeg(640, 640, "<script>alert(1)</script>"),
      jpeg(640, 640, "<SCRIPT src=//x>"),
      png(640, 640, chunk("tEXt", text("Comment\0<html><body>"))),
      png(640, 640, chunk("tEXt", text("%PDF-1.7"))),
      png(640, 640, chunk("tEXt", text("<?php system(1);"))),
    ]) {
      expect([bytes.length, typeOf(bytes)]).toEqual([bytes.length, "invalid_icon"]);
    }
  });

  test("U-02 nothing damaged: cut anywhere, it is refused and nothing throws", () => {
    for (const whole of [png(), jpeg()]) {
      for (let length = 0; length < whole.length; length++) {
        expect([length, typeOf(whole.slice(0, length))]).toEqual([length, "invalid_icon"]);
      }
    }
    const header = png().slice(8, 33);
    expect(typeOf(joined(PNG_SIGNATURE, chunk("tEXt", [1]), header, chunk("IDAT", [1]), END))).toBe("invalid_icon");
    expect(typeOf(joined(PNG_SIGNATURE, header, END))).toBe("invalid_icon");
    const twoFrames = joined(jpeg().slice(0, -2), jpeg(4096).slice(2));
    expect(typeOf(twoFrames)).toBe("image/jpeg");
  });

  test("nothing above 5 MB", () => {
    const filler = (length: number) => chunk("tEXt", new Uint8Array(length - png().length - 12));
    expect(typeOf(png(640, 640, filler(MAX_ICON_BYTES)))).toBe("image/png");
    expect(typeOf(png(640, 640, filler(MAX_ICON_BYTES + 1)))).toBe("invalid_icon");
  });
});

describe("uploading and using an icon", () => {
  let world: World;
  beforeAll(async () => {
    world = await newWorld();
  });

  const upload = async (bytes: Uint8Array<ArrayBuffer>, digest?: string, token = world.owner) =>
    world.api.send("/v2/files", {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "x-vercel-digest": digest ?? (await sha1Hex(bytes)) },
      body: bytes,
    });

  test("answers 200, stores it under its digest, and again is no error", async () => {
    for (const bytes of [png(700), jpeg(700)]) {
      const digest = await sha1Hex(bytes);
      for (const answer of [await upload(bytes), await upload(bytes, digest.toUpperCase())]) {
        expect([answer.status, answer.body]).toEqual([200, { urls: [`http://127.0.0.1:8787/icons/${digest}`] }]);
      }
      expect(await env.BLOBS.head(`icons/${digest}`)).not.toBeNull();
    }
  });

  test("U-02 is served to anyone with a fixed type, and so that nothing in it runs", async () => {
    const bytes = png(720);
    await upload(bytes);
    const response = await world.api.send(`/icons/${await sha1Hex(bytes)}`);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "image/png",
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox; default-src 'none'",
      "cache-control": "public, max-age=31536000, immutable",
    });
    expect(response.text.length).toBeGreaterThan(0);
    for (const path of ["/icons/x", `/icons/${"0".repeat(40)}`, "/icons/..%2Fsecret", `/icons/${"A".repeat(40)}`]) {
      expect([path, (await world.api.get(path)).status]).toEqual([path, 404]);
    }
  });

  test("U-02 a wrong digest, no digest, and bytes that are no icon store nothing", async () => {
    const before = (await env.BLOBS.list()).objects.length;
    expect((await upload(png(800), "0".repeat(40))).status).toBe(400);
    expect((await upload(png(800), "")).status).toBe(400);
    const refused = await upload(joined(text("<svg/>")));
    expect([refused.status, refused.body.error.code]).toEqual([400, "invalid_icon"]);
    const tooLarge = await upload(new Uint8Array(MAX_ICON_BYTES + 1));
    expect(tooLarge.status).toBe(413);
    expect((await upload(png(800), undefined, world.developer)).status).toBe(403);
    expect((await env.BLOBS.list()).objects.length).toBe(before);
  });

  test("a connector takes only the digest of an uploaded icon, and null removes it", async () => {
    const bytes = jpeg(900);
    const icon = await sha1Hex(bytes);
    const refused = await world.api.post("/v1/connect/connectors", apiKeyBody({ icon }), world.owner);
    expect([refused.status, refused.body.error.code]).toEqual([400, "bad_request"]);
    await upload(bytes);
    const id = await created(world, apiKeyBody({ icon, accentColor: "#000000" }));
    const read = async () => (await world.api.get(`/v1/connect/connectors/${id}`, world.owner)).body;
    const patch = (body: unknown) => world.api.patch(`/v2/connect/connectors/${id}`, body, world.owner);
    expect((await read()).icon).toBe(icon);
    for (const wrong of ["0".repeat(40), "https://example.com/x.png", "", 1]) {
      expect([wrong, (await patch({ icon: wrong })).status]).toEqual([wrong, 400]);
    }
    expect((await patch({ name: "Other" })).body.connector.icon).toBe(icon);
    expect((await patch({ icon: null })).body.connector).not.toHaveProperty("icon");
    expect(await read()).not.toHaveProperty("icon");
    expect((await read()).accentColor).toBe("#000000");
    expect((await patch({ icon })).body.connector.icon).toBe(icon);
  });
});
