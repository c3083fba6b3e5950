import { styleText } from "node:util";

const PATH_WIDTH = 56;

/** What one step shows: the call that was made, and the interesting fields of its answer. */
export interface Shown {
  method: string;
  path: string;
  status: number;
  elapsedMs: number;
  fields: Record<string, string | number>;
}

/** A step that did not go as it should; the message names it. */
export class StepError extends Error {
  override readonly name = "StepError";
}

/** Prints numbered steps in 80 columns. Colours only decorate, and only on a terminal. */
export class Transcript {
  #steps = 0;
  #write: (text: string) => void;

  constructor(write: (text: string) => void = (text) => process.stdout.write(text)) {
    this.#write = write;
  }

  get steps(): number {
    return this.#steps;
  }

  heading(text: string): void {
    this.#write(`\n${styleText("bold", text, { stream: process.stdout })}\n`);
  }

  /** Run one step and print it; a failure becomes a `StepError` that names the step. */
  async step<Value>(title: string, run: () => Promise<{ value: Value; shown: Shown }>): Promise<Value> {
    this.#steps += 1;
    this.#write(`\n${String(this.#steps).padStart(2)}  ${title}\n`);
    try {
      const { value, shown } = await run();
      this.#write(describe(shown));
      return value;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StepError(`Step ${this.#steps} failed (${title}): ${reason}`);
    }
  }
}

function describe({ method, path, status, elapsedMs, fields }: Shown): string {
  const time = `${elapsedMs < 10 ? elapsedMs.toFixed(1) : elapsedMs.toFixed(0)} ms`;
  const call = `    ${method.padEnd(6)} ${path.padEnd(PATH_WIDTH)} ${status} ${time.padStart(9)}\n`;
  const width = Math.max(0, ...Object.keys(fields).map((name) => name.length));
  const lines = Object.entries(fields).map(([name, value]) => `           ${name.padEnd(width)}  ${value}\n`);
  return call + styleText("dim", lines.join(""), { stream: process.stdout });
}

/** The start of a secret, enough to tell two apart. */
export function shorten(secret: string): string {
  return `${secret.slice(0, 12)}…`;
}
