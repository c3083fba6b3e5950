/** How far into a number (RFC 8259 §6) its bytes have led. */
export type NumberState = "minus" | "zero" | "whole" | "point" | "fraction" | "e" | "sign" | "exponent";

/** The state after a number's first byte; null = no number begins so. */
export function numberStart(byte: number): NumberState | null {
  if (byte === MINUS) return "minus";
  if (byte === ZERO) return "zero";
  return isDigit(byte) ? "whole" : null;
}

/** The state after one more byte; null = it does not belong to the number. */
export function numberGoesOn(state: NumberState, byte: number): NumberState | null {
  const digit = isDigit(byte);
  if (digit && state === "whole") return state;
  const marksExponent = (byte | 0x20) === LOWER_E;
  switch (state) {
    case "minus":
      return numberStart(byte) === "minus" ? null : numberStart(byte);
    case "zero":
    case "whole":
      if (digit) return null;
      if (byte === POINT) return "point";
      return marksExponent ? "e" : null;
    case "point":
    case "fraction":
      if (digit) return "fraction";
      return marksExponent && state === "fraction" ? "e" : null;
    case "e":
      if (byte === MINUS || byte === PLUS) return "sign";
      return digit ? "exponent" : null;
    case "sign":
    case "exponent":
      return digit ? "exponent" : null;
  }
}

/** Whether a number may end there. */
export function numberMayEnd(state: NumberState): boolean {
  return state === "zero" || state === "whole" || state === "fraction" || state === "exponent";
}

const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const LOWER_E = 0x65;

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}
