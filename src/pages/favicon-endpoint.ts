import { publicEndpoint } from "../http/endpoint.ts";
import { FAVICON } from "./favicon.ts";

export const getFavicon = publicEndpoint({
  async handle() {
    return {
      status: 200,
      raw: FAVICON,
      headers: {
        "content-type": "image/svg+xml",
        "content-security-policy": "sandbox; default-src 'none'",
        "cache-control": "public, max-age=86400",
      },
    };
  },
});
