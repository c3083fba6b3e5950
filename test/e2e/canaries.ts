/** A secret that must not be found anywhere, or the mark of a kind of secret. */
export interface Canary {
  name: string;
  bytes: Buffer;
}

/** Something that was stored or logged, byte for byte. */
export interface Haystack {
  where: string;
  bytes: Buffer;
}

export interface Hit {
  canary: string;
  where: string;
  encoding: string;
}

/** Secrets by name. Where a secret is the text of bytes, the bytes themselves are a secret, too. */
export function canariesOf(secrets: Record<string, string>): Canary[] {
  return Object.entries(secrets).flatMap(([name, secret]) => {
    if (secret.length < 5) throw new Error(`${name} is too short to be told from chance`);
    const text = { name, bytes: Buffer.from(secret) };
    const decoded = Buffer.from(secret, "base64");
    // 32 bytes in base64: a key. Anything else that happens to decode is noise.
    return decoded.length === 32 ? [text, { name: `${name}, decoded`, bytes: decoded }] : [text];
  });
}

/** Every canary that stands in a haystack: as it is, in hex, in base64 and base64url at any offset. */
export function findCanaries(haystacks: readonly Haystack[], canaries: readonly Canary[]): Hit[] {
  const needles = canaries.flatMap(({ name, bytes }) =>
    encodings(bytes).map(([encoding, needle]) => ({ name, encoding, needle })),
  );
  return haystacks.flatMap(({ where, bytes }) =>
    needles
      .filter(({ needle }) => bytes.includes(needle))
      .map(({ name, encoding }) => ({ canary: name, where, encoding })),
  );
}

function encodings(bytes: Buffer): [encoding: string, needle: Buffer][] {
  const hex = bytes.toString("hex");
  return [
    ["plain", bytes],
    ["hex", Buffer.from(hex)],
    ["HEX", Buffer.from(hex.toUpperCase())],
    ...[0, 1, 2].flatMap((offset): [string, Buffer][] => [
      [`base64+${offset}`, base64Within(bytes, offset, "base64")],
      [`base64url+${offset}`, base64Within(bytes, offset, "base64url")],
    ]),
  ];
}

/**
 * The characters that the base64 of any text has where these bytes stand in it, `offset` (mod 3) bytes from its
 * start: those that depend on no neighbour.
 */
function base64Within(bytes: Buffer, offset: number, encoding: "base64" | "base64url"): Buffer {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString(encoding);
  const first = Math.ceil((offset * 8) / 6);
  const end = Math.floor(((offset + bytes.length) * 8) / 6);
  return Buffer.from(encoded.slice(first, end));
}
