const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 16;

/** `evt_` and a ULID in lower case: 48 bits of time, 80 random ones. Ids of different milliseconds sort by time. */
export function newEventId(nowMs: number, randomBytes: (length: number) => Uint8Array): string {
  let time = "";
  for (let rest = nowMs; time.length < TIME_CHARACTERS; rest = Math.floor(rest / 32)) {
    time = `${ALPHABET[rest % 32]}${time}`;
  }
  let random = "";
  for (const byte of randomBytes(RANDOM_CHARACTERS)) random += ALPHABET[byte & 31];
  return `evt_${time}${random}`;
}
