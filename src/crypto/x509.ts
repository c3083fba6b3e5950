/** What we need of a certificate. It is not judged: trust comes from where it was fetched. */
export interface CertificateFacts {
  /** DER of its SubjectPublicKeyInfo. */
  spki: Uint8Array<ArrayBuffer>;
  notBeforeMs: number;
  notAfterMs: number;
}

const MAX_PEM_CHARS = 16 * 1024;
const FIRST_BLOCK = /^\s*-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/;

const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const EXPLICIT_VERSION = 0xa0;

/**
 * Key and validity of the first X.509 certificate of a PEM text (RFC 5280 §4.1, RFC 7468 §5.1), or null for anything
 * that is not one in DER. WebCrypto imports keys but reads no certificates. Neither the chain nor the signature is
 * checked.
 */
export function parseCertificate(pem: string): CertificateFacts | null {
  const encoded = pem.length > MAX_PEM_CHARS ? undefined : FIRST_BLOCK.exec(pem)?.[1];
  if (encoded === undefined) return null;
  try {
    const der = Uint8Array.fromBase64(encoded, { lastChunkHandling: "strict" });
    const document = new DerReader(der);
    const certificate = new DerReader(document.next(SEQUENCE).content);
    document.end();
    const fields = new DerReader(certificate.next(SEQUENCE).content);
    if (fields.peek() === EXPLICIT_VERSION) fields.next(EXPLICIT_VERSION);
    fields.next(INTEGER); // serial number
    fields.next(SEQUENCE); // signature algorithm
    fields.next(SEQUENCE); // issuer
    const validity = new DerReader(fields.next(SEQUENCE).content);
    const notBeforeMs = timeOf(validity);
    const notAfterMs = timeOf(validity);
    validity.end();
    fields.next(SEQUENCE); // subject
    return { spki: fields.next(SEQUENCE).whole.slice(), notBeforeMs, notAfterMs };
  } catch {
    return null;
  }
}

/** RFC 5280 §4.1.2.5: seconds are there, and the zone is Z. */
function timeOf(fields: DerReader): number {
  const tag = fields.peek();
  if (tag !== UTC_TIME && tag !== GENERALIZED_TIME) throw new RangeError("not a time");
  const text = String.fromCharCode(...fields.next(tag).content);
  const digits = /^((?:\d\d)?\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)?.slice(1);
  if (digits?.[0]?.length !== (tag === UTC_TIME ? 2 : 4)) throw new RangeError("not a time");
  const [given = 0, month = 0, ...rest] = digits.map(Number);
  const year = tag === GENERALIZED_TIME ? given : given + (given < 50 ? 2000 : 1900);
  return Date.UTC(year, month - 1, ...rest);
}

/** Reads elements one after the other (X.690 §10.1: definite lengths in their shortest form); throws a RangeError. */
class DerReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #offset = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  peek(): number | undefined {
    return this.#bytes[this.#offset];
  }

  next(tag: number): { content: Uint8Array<ArrayBuffer>; whole: Uint8Array<ArrayBuffer> } {
    const start = this.#offset;
    if (this.#byte() !== tag) throw new RangeError("another element");
    const length = this.#length();
    const contentStart = this.#offset;
    this.#offset += length;
    if (this.#offset > this.#bytes.length) throw new RangeError("cut off");
    return {
      content: this.#bytes.subarray(contentStart, this.#offset),
      whole: this.#bytes.subarray(start, this.#offset),
    };
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw new RangeError("bytes left over");
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    // Two bytes of length reach beyond the longest PEM that is looked at.
    if (first !== 0x81 && first !== 0x82) throw new RangeError("length");
    const length = first === 0x81 ? this.#byte() : this.#byte() * 256 + this.#byte();
    if (length < (first === 0x81 ? 0x80 : 0x100)) throw new RangeError("length is not in its shortest form");
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset++];
    if (byte === undefined) throw new RangeError("cut off");
    return byte;
  }
}
