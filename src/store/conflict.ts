import { ApiError } from "../errors.ts";
import { UniqueViolation } from "./database.ts";

/** The write's result; a broken UNIQUE constraint becomes `conflict` with a message that says what is taken. */
export async function orConflict<T>(write: Promise<T>, message: string): Promise<T> {
  try {
    return await write;
  } catch (thrown) {
    if (thrown instanceof UniqueViolation) throw new ApiError("conflict", { message });
    throw thrown;
  }
}
