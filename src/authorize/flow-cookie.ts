/** The cookie that tells the browser of one authorization from all others. Follows the deployment's own origin. */
function flowCookieName(publicOrigin: string, requestId: string): string {
  const { protocol, port } = new URL(publicOrigin);
  // `__Host-`: set by this host itself over https, for no other path or subdomain (RFC 6265bis §4.1.3.2). Cookies do not
  // tell ports apart, so the name does where only a port tells two deployments of one laptop apart.
  return protocol === "https:" ? `__Host-vk_flow_${requestId}` : `vk_flow_${port || "80"}_${requestId}`;
}

/** The `Set-Cookie` value. Lax: it has to come along when the provider sends the browser back. */
export function setFlowCookie(
  publicOrigin: string,
  requestId: string,
  { value, maxAgeMs }: { value: string; maxAgeMs: number },
): string {
  const secure = publicOrigin.startsWith("https:") ? "; Secure" : "";
  const maxAge = Math.max(0, Math.ceil(maxAgeMs / 1000));
  return `${flowCookieName(publicOrigin, requestId)}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure}`;
}

/** The cookie's value; null when there is none. Two of that name are none: one of them may be somebody else's. */
export function readFlowCookie(headers: Headers, publicOrigin: string, requestId: string): string | null {
  const prefix = `${flowCookieName(publicOrigin, requestId)}=`;
  const found = (headers.get("cookie") ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(prefix));
  const [only] = found;
  return only === undefined || found.length > 1 ? null : only.slice(prefix.length);
}
