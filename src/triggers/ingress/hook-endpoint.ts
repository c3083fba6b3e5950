import { providerEndpoint } from "../../http/endpoint.ts";
import { receive } from "./receive.ts";

/** POST /hooks/{ingressId}: an event; and GET, for providers that ask whether the URL is theirs. */
export const receiveHook = providerEndpoint({
  handle: receive,
});
