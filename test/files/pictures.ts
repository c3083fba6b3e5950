/** Pictures made of their structure only: what the checks read, without pixels that anybody could see. */

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

export function joined(...parts: (Uint8Array | number[])[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function uint32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

const uint16 = (value: number) => [value >> 8, value & 255];

export function chunk(type: string, data: Uint8Array | number[]): Uint8Array<ArrayBuffer> {
  return joined(uint32(data.length), ascii(type), data, [0, 0, 0, 0]);
}

export const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
export const END = chunk("IEND", []);

export function png(width = 640, height = width, extra: Uint8Array = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  const header = chunk("IHDR", [...uint32(width), ...uint32(height), 8, 6, 0, 0, 0]);
  return joined(PNG_SIGNATURE, header, extra, chunk("IDAT", [1, 2, 3]), END);
}

export function jpeg(width = 640, height = width, comment = "made by hand"): Uint8Array<ArrayBuffer> {
  return joined(
    [0xff, 0xd8],
    [0xff, 0xe0, ...uint16(16)],
    ascii("JFIF\0"),
    [1, 1, 0, 0, 1, 0, 1, 0, 0],
    [0xff, 0xfe, ...uint16(comment.length + 2)],
    ascii(comment),
    [0xff, 0xff, 0xc2, ...uint16(11), 8, ...uint16(height), ...uint16(width), 1, 1, 0x11, 0],
    [0xff, 0xda, ...uint16(8), 1, 1, 0, 0, 63, 0],
    [1, 2, 3],
    [0xff, 0xd9],
  );
}

export const text = ascii;
