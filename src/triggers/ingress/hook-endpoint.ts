import { providerEndpoint } from "../../http/endpoint.ts";
import { receive } from "./receive.ts";

/** POST /hooks/{ingressId}: an event; and GET, for providers that ask whether the URL is theirs. */
export const receiveHook = providerEndpoint({
  summary: "Receive a provider's webhook. The request is verified by the connector's recipe.",
  handle: receive,
});
