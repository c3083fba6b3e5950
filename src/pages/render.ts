import { randomBytes } from "../crypto/random.ts";
import { documentOf } from "./document.tsx";
import type { PageView } from "./views.ts";

/**
 * A page as HTML with the headers that it needs. It has no script and loads nothing but the connector's icon. Throws a
 * TypeError for a URL that a page must not lead to, and for a colour that is none.
 */
export function renderPage(view: PageView): { html: string; headers: Record<string, string> } {
  const nonce = btoa(String.fromCharCode(...randomBytes(16)));
  // The browser holds the redirects that follow a form to this, too.
  const action = view.kind === "continue" && view.fields != null ? ` ${new URL(view.url).origin}` : "";
  return { html: documentOf(view, nonce), headers: headersWith(nonce, action) };
}

function headersWith(nonce: string, action: string): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    "img-src 'self'",
    `form-action 'self'${action}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": policy.join("; "),
    "x-frame-options": "DENY",
    // Not `no-referrer`, with which Chromium sends `Origin: null` along with a form.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
  };
}
