const MASK = "[secret]";

/**
 * Text that must not be seen. Printed, concatenated, serialised or inspected it reads `[secret]`; only `expose`
 * gives the text. It does not survive structured cloning, so it cannot cross an object boundary by accident.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  static of(text: string): Secret {
    return new Secret(text);
  }

  /** The text itself. Call it where the text is used, never earlier. */
  expose(): string {
    return this.#text;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [Symbol.toPrimitive](): string {
    return MASK;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return MASK;
  }
}
