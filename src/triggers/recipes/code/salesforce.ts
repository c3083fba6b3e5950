import { sha256Base64url } from "../../../crypto/digest.ts";
import type { Provider } from "../checked-recipe.ts";
import { settingTexts } from "../setting-texts.ts";
import { codeRecipe, refused } from "./code-recipe.ts";

const ORGANIZATION_ID = /^00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?$/;
/** The last three characters of the long form repeat the case of the fifteen before. */
const ID_CHARS = 15;
/** Unprefixed, they are the envelope's own; the object's fields have a prefix. */
const ORGANIZATION = /<OrganizationId>([^<]*)<\/OrganizationId>/g;
const NOTIFICATION_ID = /<Notification>\s*<Id>(04l[A-Za-z0-9]{12,15})<\/Id>/g;
const OBJECT_TYPE = /<sObject [^<>]*xsi:type="\w+:(\w{1,80})"/g;

/**
 * Outbound messages (SOAP) are not signed. Whoever knows the ingress URL and the organization's id can make one, so
 * both are to be kept secret; that is all that Salesforce offers short of client certificates. A session id that an
 * operator lets Salesforce put into them is forwarded with the rest.
 * https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging_understanding.htm
 */
export const salesforceOutbound: Provider = {
  services: ["salesforce"],
  settings: {
    organizationId: { required: true, pattern: ORGANIZATION_ID, what: "the id of your Salesforce organization (00D…)" },
  },
  recipe: codeRecipe(
    async ({ body }, { settings }) => {
      const [wanted] = settingTexts(settings, "organizationId");
      if (wanted === undefined || !ORGANIZATION_ID.test(wanted)) return { kind: "misconfigured" };
      const text = new TextDecoder().decode(body);
      // What could make a parser read another document than these expressions do.
      if (/<!DOCTYPE|<!\[CDATA\[|<!--/i.test(text)) return refused("signature_malformed");
      const organizations = found(text, ORGANIZATION);
      const [organization] = organizations;
      if (organization === undefined) return refused("signature_missing");
      const isOurs =
        ORGANIZATION_ID.test(organization) && organization.slice(0, ID_CHARS) === wanted.slice(0, ID_CHARS);
      if (organizations.length > 1 || !isOurs) return refused("signature_mismatch");

      const notifications = found(text, NOTIFICATION_ID).sort();
      const types = new Set(found(text, OBJECT_TYPE));
      const [type = null] = types.size === 1 ? types : [];
      const id = notifications.length === 0 ? null : await sha256Base64url(notifications.join());
      const event = { type, tenants: [organization], id, idIsSigned: false, sentAtMs: null };
      return { kind: "event", event, secretId: null };
    },
    {
      acknowledgement: {
        status: 200,
        contentType: "text/xml",
        body: '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse></soapenv:Body></soapenv:Envelope>',
      },
    },
  ),
};

function found(text: string, pattern: RegExp): string[] {
  return Array.from(text.matchAll(pattern), ([, value = ""]) => value);
}
