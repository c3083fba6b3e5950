import { BASE32, base32 } from "../../store/ids.ts";

const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 16;

/** `evt_` and a ULID in lower case: 48 bits of time, 80 random ones. Ids of different milliseconds sort by time. */
export function newEventId(nowMs: number, randomBytes: (length: number) => Uint8Array): string {
  let time = "";
  for (let rest = nowMs; time.length < TIME_CHARACTERS; rest = Math.floor(rest / 32)) {
    time = `${BASE32[rest % 32]}${time}`;
  }
  return `evt_${time}${base32(randomBytes(RANDOM_CHARACTERS))}`;
}

/** When an event of that id was received (ms); NaN for what is no such id. */
export function timeOfEventId(id: string): number {
  return [...id.slice(4, 4 + TIME_CHARACTERS)].reduce((ms, character) => ms * 32 + digitOf(character), 0);
}

function digitOf(character: string): number {
  const digit = BASE32.indexOf(character);
  return digit < 0 ? Number.NaN : digit;
}

/** Sorts before every event that was received then or later, and behind those from before. */
export function firstEventIdAt(ms: number): string {
  return newEventId(Math.max(0, ms), (length) => new Uint8Array(length));
}
