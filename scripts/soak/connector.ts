import { type Json, request, text } from "../demo/api.ts";
import type { Soak } from "./soak.ts";

/** A connector that receives GitHub's webhooks, journal on, with one destination; the URL that the provider calls. */
export async function receivingConnector(
  { origin, owner, secret }: Soak,
  uid: string,
  trigger: Json,
  destination: Json,
): Promise<string> {
  const call = async (method: "POST" | "PUT", path: string, body: Json, expect: number): Promise<Json> =>
    (await request(origin, { method, path, body, expect, token: owner })).value;
  await call(
    "POST",
    "/v1/connect/connectors",
    { type: "api-key", uid, name: uid, data: { values: [{ value: "k" }] } },
    201,
  );
  const path = `/v1/connect/connectors/${encodeURIComponent(uid)}`;
  const settings = { enabled: true, provider: "github", secrets: [secret], ...trigger };
  const { value } = { value: await call("PUT", `${path}/triggers`, settings, 200) };
  await call("POST", `${path}/destinations`, destination, 201);
  return text(value, "ingressUrl");
}
