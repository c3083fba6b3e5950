import { DurableObject } from "cloudflare:workers";
export class Grant extends DurableObject {
  async ping() {
    return "x";
  }
}
export class ConnectorGate extends DurableObject {}
export class Housekeeper extends DurableObject {}
export default {
  async fetch(r: Request, env: Env) {
    return new Response((await env.GRANTS.getByName("a").ping()) + env.PUBLIC_ORIGIN);
  },
} satisfies ExportedHandler<Env>;
