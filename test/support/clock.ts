/** The time that the objects of the test worker see: the real one, plus what a test has moved it by. */
let offsetMs = 0;

export const clock = {
  now: (): number => Date.now() + offsetMs,
  advance(ms: number): void {
    offsetMs += ms;
  },
  reset(): void {
    offsetMs = 0;
  },
};
