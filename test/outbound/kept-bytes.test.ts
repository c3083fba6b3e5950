import { describe, expect, test } from "vitest";
import { createGuardedFetch, type OutboundResponse } from "../../src/outbound/guarded-fetch.ts";

/** What is kept of an answer by somebody for whom its status is what counts. */
async function keep(
  body: BodyInit | null,
  { keepBytes = 4, status = 200, timeoutMs = 5_000, maxBytes = 1 } = {},
): Promise<OutboundResponse> {
  const answer = new Response(body, { status, headers: { location: "https://app.acme.com/elsewhere" } });
  let calls = 0;
  const fetch = async () => {
    calls++;
    return answer;
  };
  const guarded = createGuardedFetch({ fetch, policy: { ownHosts: [], allowLoopback: false } });
  const result = await guarded({ url: "https://api.acme.com/hook", keepBytes, timeoutMs, maxBytes });
  if (!result.ok) throw new Error(result.failure.code);
  expect(calls).toBe(1);
  return result.value;
}
const text = ({ body }: OutboundResponse) => new TextDecoder().decode(body);

/** A body in these pieces, which then ends as told; it can be seen how much was asked for and whether it was let go. */
function pieces(chunks: string[], then: "end" | "break" | "hang") {
  const seen = { pulled: 0, canceled: false };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[seen.pulled++];
        if (chunk !== undefined) controller.enqueue(new TextEncoder().encode(chunk));
        else if (then === "end") controller.close();
        else if (then === "break") controller.error(new Error("connection reset"));
        else return new Promise<void>(() => {});
      },
      cancel() {
        seen.canceled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { seen, stream };
}

describe("E-04 of an answer whose status counts", () => {
  test.for([
    ["", ""],
    ["abc", "abc"],
    ["abcd", "abcd"],
    ["abcde", "abcd"],
  ])("%j is kept as %j, and no cap makes a failure of it", async ([body = "", kept]) => {
    expect(text(await keep(body))).toBe(kept);
  });

  test("no body is no bytes", async () => {
    expect((await keep(null, { status: 204 })).body).toEqual(new Uint8Array());
  });

  test("as many bytes are kept as are wanted, across pieces, and no more is asked for", async () => {
    const { seen, stream } = pieces(["ab", "cde", "fgh"], "hang");
    expect(text(await keep(stream))).toBe("abcd");
    expect(seen).toEqual({ pulled: 2, canceled: true });
  });

  test("nothing is read where nothing is wanted", async () => {
    const { seen, stream } = pieces(["ab"], "hang");
    expect(text(await keep(stream, { keepBytes: 0 }))).toBe("");
    expect(seen).toEqual({ pulled: 0, canceled: true });
  });

  test("a body that breaks off is what came of it", async () => {
    expect(text(await keep(pieces(["ab"], "break").stream))).toBe("ab");
    expect(text(await keep(pieces([], "break").stream))).toBe("");
  });

  test("a body that drips is let go when the time is up, and the status stands", async () => {
    const { seen, stream } = pieces(["ab"], "hang");
    const answer = await keep(stream, { timeoutMs: 50, status: 503 });
    expect([answer.status, text(answer), seen.canceled]).toEqual([503, "ab", true]);
  });

  test.for([301, 302, 303, 307, 308])("%i is a value, and is not followed", async (status) => {
    const answer = await keep("moved", { status });
    expect([answer.status, text(answer)]).toEqual([status, "move"]);
    expect(answer.headers.get("location")).toBe("https://app.acme.com/elsewhere");
  });
});
