import { requireTeamId } from "../connectors/driver-context.ts";
import { ApiError, unwrap } from "../errors.ts";
import { managementEndpoint } from "../http/endpoint.ts";
import { loginCredentials, loginGeneration, makeLogin, setLogin } from "./issuer-login.ts";
import { findIssuerById } from "./issuer-store.ts";
import { issuerToWire } from "./issuer-wire.ts";

/** `PUT /v1/issuers/{issuer}/login`: for connectors whose users sign in before they authorize (the binding `login`). */
export const putIssuerLogin = managementEndpoint("admin", {
  body: loginCredentials,
  async handle({ services, params, body }) {
    const { db } = services;
    const issuer = await findIssuerById(db, params.id ?? "");
    if (issuer === null) throw new ApiError("not_found");
    const generation = (await loginGeneration(db, issuer.id)) + 1;
    const place = { teamId: await requireTeamId(services), generation };
    const stored = unwrap(await makeLogin(issuer, body, place, services));
    if (!(await setLogin(db, issuer.id, stored))) throw new ApiError("not_found");
    return { status: 200, body: issuerToWire({ ...issuer, login: stored.login }) };
  },
});

export const removeIssuerLogin = managementEndpoint("admin", {
  async handle({ services, params }) {
    const { db } = services;
    const issuer = await findIssuerById(db, params.id ?? "");
    if (issuer === null || issuer.login === null) throw new ApiError("not_found");
    await setLogin(db, issuer.id, null);
    return { status: 204 };
  },
});
