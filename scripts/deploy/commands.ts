import { type DeployState, Refusal } from "./state.ts";

/** Runs wrangler to its end; what it printed is the refusal when it fails. */
export async function run(state: DeployState, command: readonly string[], input?: string): Promise<string> {
  const { ok, stdout, output } = await state.deps.wrangler(command, input);
  if (!ok) throw new Refusal(`wrangler ${command.slice(0, 3).join(" ")} failed:\n${scrubbed(output, state)}`);
  return stdout;
}

/** The JSON in what wrangler printed, as it is: it may have printed warnings around it. */
export function jsonIn(text: string): unknown {
  const start = text.search(/[[{]/);
  const end = Math.max(text.lastIndexOf("]"), text.lastIndexOf("}"));
  try {
    return JSON.parse(text.slice(start, end + 1));
  } catch {
    throw new Refusal(`wrangler answered with something that is not JSON:\n${text.slice(0, 500)}`);
  }
}

/** Members of an array of objects, by name. */
export function column(rows: unknown, name: string): string[] {
  if (!Array.isArray(rows)) throw new Refusal("wrangler answered with something that is not a list.");
  return rows.flatMap((row: unknown) => {
    const value: unknown = typeof row === "object" && row !== null ? Reflect.get(row, name) : undefined;
    return typeof value === "string" ? [value] : [];
  });
}

/** A tool that quotes its input must not bring a secret to the terminal. */
function scrubbed(text: string, { secrets, stored }: DeployState): string {
  const values = [secrets, stored].flatMap(({ MASTER_KEYS, SETUP_TOKEN, RETIRED_MASTER_KEYS }) => [
    ...(MASTER_KEYS ?? "").split(","),
    ...(RETIRED_MASTER_KEYS ?? "").split(","),
    SETUP_TOKEN ?? "",
  ]);
  return values
    .flatMap((value) => [value, value.slice(value.indexOf(":") + 1)])
    .filter((value) => value.length > 8)
    .reduce((rest, value) => rest.replaceAll(value, "[secret]"), text);
}
