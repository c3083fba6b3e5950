import { describe, expect, test } from "vitest";
import type { ConnectTokenSubject } from "../../src/sdk/index.ts";
import { AUTHORIZATION, Deployment, errorOf, failure, gate, json, until } from "./deployment.ts";

const ada = { subject: { type: "user", id: "ada" } } as const;
const completion = { verifier: "verifier-of-the-user", connectCode: "code-of-the-browser" };

describe("starting an authorization", () => {
  test("sends whom and what it is for, how the user is to come back, and nothing else", async () => {
    const deployment = new Deployment();
    const wanted = {
      ...ada,
      installationId: "ins_1",
      audience: ["https://api.example.com"],
      scopes: ["chat:write"],
      resources: ["https://api.example.com/chat"],
      authorizationDetails: [{ type: "payment", amount: 1 }],
    };
    const how = {
      returnUrl: "https://app.example.com/done",
      webhook: "https://app.example.com/hook",
      prompt: "consent",
      binding: "finalize",
      deviceCode: true,
      expiresInMs: 600_000,
      additionalParams: { access_type: "offline" },
    } as const;
    const { signal } = new AbortController();
    const options = Object.assign({ signal, state: "not ours" }, how);
    const started = await deployment.client().startAuthorization("slack/acme", wanted, options);
    expect(started).toEqual({ ...AUTHORIZATION, expiresAt: deployment.nowMs + 600_000 });
    expect(deployment.seen).toMatchObject([
      { method: "POST", url: "https://connect.example.com/v1/connect/authorize/slack%2Facme" },
    ]);
    expect(deployment.seen[0]?.body).toEqual({ ...wanted, ...how });
  });

  test("without options asks for what the connector does by default", async () => {
    const deployment = new Deployment();
    await deployment.client().startAuthorization("scl_1", ada);
    expect(deployment.seen[0]?.body).toEqual(ada);
  });

  test("is not repeated where it may have arrived: the user would be asked twice, and the app told of both", async () => {
    for (const lost of [() => failure(503, "storage_unavailable"), () => Promise.reject(new Error("socket hang up"))]) {
      const deployment = new Deployment();
      deployment.next.push(lost);
      await errorOf(deployment.client().startAuthorization("slack/acme", ada));
      expect(deployment.seen).toHaveLength(1);
    }
  });

  test("an installation asks with what it knows, once, and without a subject", async () => {
    const deployment = new Deployment();
    const how = {
      returnUrl: "https://app.example.com/done",
      webhook: "https://app.example.com/hook",
      tenantId: "42",
      deviceCode: true,
      expiresInMs: 600_000,
    } as const;
    const { signal } = new AbortController();
    const options = Object.assign({ signal, subject: { type: "user", id: "ada" } }, how);
    expect(await deployment.client().startInstallation("github/acme", options)).toMatchObject({
      verifier: "verifier-of-the-user",
    });
    expect(deployment.seen).toMatchObject([
      { method: "POST", url: "https://connect.example.com/v1/connect/install/github%2Facme", body: how },
    ]);
    expect(deployment.seen[0]?.body).toEqual(how);
    deployment.next.push(() => failure(503, "storage_unavailable"));
    await errorOf(deployment.client().startInstallation("github/acme"));
    expect(deployment.seen).toHaveLength(2);
  });

  test("a refused start is an error of its code", async () => {
    const deployment = new Deployment();
    deployment.next.push(() => failure(400, "return_url_required"));
    expect(await errorOf(deployment.client().startAuthorization("slack/acme", ada))).toMatchObject({
      name: "InvalidRequestError",
      code: "return_url_required",
      status: 400,
    });
  });

  test("a subject that turned out undefined never asks for the authorization of whoever it may be", async () => {
    const deployment = new Deployment();
    const nobody: { subject?: ConnectTokenSubject } = JSON.parse('{"subject":null}');
    expect(await errorOf(deployment.client().startAuthorization("slack/acme", nobody))).toMatchObject({
      code: "bad_request",
    });
    expect(deployment.seen).toEqual([]);
  });

  test("an answer without a verifier or a URL is an error: the user would be sent nowhere", async () => {
    for (const missing of ["request", "verifier", "url", "expiresAt", "connector"]) {
      const deployment = new Deployment();
      deployment.next.push(() => json(200, { ...AUTHORIZATION, expiresAt: 1, [missing]: undefined }));
      const error = await errorOf(deployment.client().startAuthorization("slack/acme", ada));
      expect([missing, error]).toMatchObject([missing, { code: "invalid_response" }]);
    }
  });

  test("the caller's signal ends it", async () => {
    const deployment = new Deployment();
    const { opened, open } = gate();
    deployment.next.push(async (seen) => {
      await Promise.race([opened, new Promise((_, reject) => seen.signal.addEventListener("abort", reject))]);
      return deployment.answer(seen);
    });
    const controller = new AbortController();
    const started = errorOf(deployment.client().startAuthorization("slack/acme", ada, { signal: controller.signal }));
    await until(() => deployment.seen.length === 1);
    controller.abort(new Error("the user left"));
    expect(await started).toMatchObject({ message: "the user left" });
    open();
  });
});

describe("completing an authorization", () => {
  test("A-13 verifier and code travel in the body, never in the URL", async () => {
    const deployment = new Deployment();
    const result = await deployment.client().completeAuthorization(completion);
    expect(result).toEqual({ status: "success", data: { clientId: "scl_1" } });
    expect(deployment.seen).toMatchObject([
      { method: "POST", url: "https://connect.example.com/v1/connect/complete", body: completion },
    ]);
  });

  test("what was cached before the user agreed to something else is not served after", async () => {
    const deployment = new Deployment();
    const client = deployment.client();
    expect(await client.getToken("slack/acme", ada)).toBe("provider-token-1");
    await client.completeAuthorization(completion);
    expect(await client.getToken("slack/acme", ada)).toBe("provider-token-2");
  });

  test("is not repeated where it may have arrived: the code is good for once", async () => {
    const deployment = new Deployment();
    deployment.next.push(() => failure(504, "upstream_timeout"));
    expect(await errorOf(deployment.client().completeAuthorization(completion))).toMatchObject({ status: 504 });
    expect(deployment.seen).toHaveLength(1);
  });

  test("A-13 an error that quotes verifier or code is shown without them", async () => {
    const deployment = new Deployment();
    const { verifier, connectCode } = completion;
    const message = `no ${verifier}, and no ${connectCode}`;
    deployment.next.push(() => json(400, { error: { code: "binding_mismatch", message, vendor: { verifier } } }));
    const error = await errorOf(deployment.client().completeAuthorization(completion));
    expect(error).toMatchObject({ code: "binding_mismatch", message: "no [secret], and no [secret]" });
    expect(JSON.stringify(error)).not.toContain(verifier);
  });
});

describe("the result of an authorization", () => {
  test("A-13 is asked for with the verifier in the body", async () => {
    const deployment = new Deployment();
    expect(await deployment.client().getAuthorizationResult("verifier-of-the-user")).toEqual({ status: "pending" });
    expect(deployment.seen).toMatchObject([
      {
        method: "POST",
        url: "https://connect.example.com/v1/connect/result",
        body: { verifier: "verifier-of-the-user" },
      },
    ]);
  });

  test("a refusal comes back as a result, not as an error", async () => {
    const deployment = new Deployment();
    const canceled = { status: "canceled", error: { code: "access_denied", message: "The user refused." } };
    deployment.next.push(() => json(200, canceled));
    expect(await deployment.client().getAuthorizationResult("v")).toEqual(canceled);
  });

  test("is asked for again after a transient fault", async () => {
    const deployment = new Deployment();
    deployment.next.push(() => failure(503, "storage_unavailable"));
    expect(await deployment.client().getAuthorizationResult("v")).toEqual({ status: "pending" });
    expect(deployment.seen).toHaveLength(2);
  });

  test("a verifier of another project is not found", async () => {
    const deployment = new Deployment();
    deployment.next.push(() => failure(404, "not_found"));
    expect(await errorOf(deployment.client().getAuthorizationResult("v"))).toMatchObject({
      name: "ConnectorNotFoundError",
      code: "not_found",
    });
  });

  test("an answer without a status is an error", async () => {
    const deployment = new Deployment();
    deployment.next.push(() => json(200, { data: {} }));
    expect(await errorOf(deployment.client().getAuthorizationResult("v"))).toMatchObject({ code: "invalid_response" });
  });
});
