import { describe, expect, test } from "vitest";
import { CODE_RECIPES } from "../../../../src/triggers/recipes/code/index.ts";
import { expectEvent, judge, refusal, webhook } from "./support.ts";

const ORGANIZATION = "00D24000000abcd";
const settings = { organizationId: ORGANIZATION };

function message(given: { organization?: string; ids?: string[]; type?: string; extra?: string } = {}): string {
  const { organization = `${ORGANIZATION}EAA`, ids = ["04l0800002nrC5BAAU"], type = "sf:Account", extra = "" } = given;
  const notifications = ids.map(
    (id) => `<Notification>
   <Id>${id}</Id>
   <sObject xsi:type="${type}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>001</sf:Id>
    <sf:OrganizationId>00D99999999zzzz</sf:OrganizationId></sObject>
  </Notification>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body>
  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
   <OrganizationId>${organization}</OrganizationId>
   <ActionId>04k</ActionId><SessionId xsi:nil="true"/>${extra}
   ${notifications.join("\n")}
  </notifications>
 </soapenv:Body>
</soapenv:Envelope>`;
}

const send = (body: string, given = settings) => judge("salesforce-outbound", webhook({ body }), { settings: given });

describe("an outbound message of Salesforce", () => {
  test("passes from our organization, whichever form of its id either side has", async () => {
    for (const organization of [ORGANIZATION, `${ORGANIZATION}EAA`]) {
      for (const configured of [ORGANIZATION, `${ORGANIZATION}EAA`]) {
        expectEvent(await send(message({ organization }), { organizationId: configured }));
      }
    }
  });

  test("is known by its notifications' ids, in whichever order they come, and they are not signed", async () => {
    const ids = ["04l0800002nrC5BAAU", "04l0800002nrC5CAAU"];
    const one = expectEvent(await send(message({ ids })));
    expect(one).toMatchObject({ type: "Account", tenants: [`${ORGANIZATION}EAA`], idIsSigned: false, sentAtMs: null });
    expect(expectEvent(await send(message({ ids: ids.toReversed() }))).id).toBe(one.id);
    expect(expectEvent(await send(message({ ids: ids.slice(1) }))).id).not.toBe(one.id);
    expect(expectEvent(await send(message({ ids: [] })))).toMatchObject({ id: null, type: null });
  });

  test("that opens a tag time and again takes no more time than its length", async () => {
    // A megabyte, for whoever knows the organization's id, which is no secret.
    expect(expectEvent(await send(message({ extra: "<sObject ".repeat(116_000) }))).type).toBe("Account");
  });

  test("is acknowledged as Salesforce wants it, else it would come for a day", () => {
    const acknowledgement = CODE_RECIPES["salesforce-outbound"]?.recipe.acknowledgement;
    expect(acknowledgement).toMatchObject({ status: 200, contentType: "text/xml" });
    expect(acknowledgement?.body).toContain("<Ack>true</Ack>");
  });

  test("of another organization is refused, also one whose id differs in case only", async () => {
    for (const organization of ["00D99999999zzzz", ORGANIZATION.toUpperCase(), "", "00D", `${ORGANIZATION}EA`]) {
      expect(await send(message({ organization }))).toEqual(refusal("signature_mismatch"));
    }
  });

  test.each([
    ["a second organization", `<OrganizationId>00D99999999zzzz</OrganizationId>`, "signature_mismatch"],
    ["a comment", `<!-- x -->`, "signature_malformed"],
    ["a CDATA section", `<![CDATA[<OrganizationId>${ORGANIZATION}</OrganizationId>]]>`, "signature_malformed"],
    ["an entity", `<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>`, "signature_malformed"],
  ])("with %s is refused: two parsers could read two messages", async (_, extra, reason) => {
    expect(await send(message({ extra }))).toEqual(refusal(reason));
  });

  test("fault 1 that names no organization is refused", async () => {
    for (const body of ["", "{}", "<x/>", message().replaceAll("<OrganizationId>", "<organizationid>")]) {
      expect(await send(body)).toEqual(refusal("signature_missing"));
    }
  });

  test("passes nowhere while no organization is configured", async () => {
    const request = webhook({ body: message() });
    expect(await judge("salesforce-outbound", request)).toEqual({ kind: "misconfigured" });
    expect(await judge("salesforce-outbound", request, { settings: { organizationId: "" } })).toEqual({
      kind: "misconfigured",
    });
  });
});
