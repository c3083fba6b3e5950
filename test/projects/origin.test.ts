import { describe, expect, test } from "vitest";
import { checkOrigin } from "../../src/projects/origin.ts";

const PUBLIC = { ownHosts: ["connect.example.com"], allowLoopback: false };
const LOCAL = { ownHosts: ["127.0.0.1:8787"], allowLoopback: true };

const accepts = (raw: string, environment: string, policy = PUBLIC) => checkOrigin(raw, environment, policy).ok;

describe("an environment's origin", () => {
  test("anything but scheme, host and port is refused, however it is spelt", () => {
    expect(accepts("https://app.example.org", "production")).toBe(true);
    const refused = [
      "",
      "app.example.org",
      "https://app.example.org/",
      "https://app.example.org/path",
      "https://app.example.org?x",
      "https://app.example.org#",
      "https://user@app.example.org",
      "https://APP.example.org",
      "https://app.example.org:443",
      "https://app.example.org.",
      "https://app.example.org\\@evil.com",
      " https://app.example.org",
      "javascript:alert(1)",
      "data:text/html,x",
      "http://app.example.org",
      "https://10.0.0.1",
      "https://connect.example.com",
      "null",
    ];
    for (const raw of refused) expect([raw, accepts(raw, "production")]).toEqual([raw, false]);
  });

  test("loopback is a laptop's: only for development, or wherever the deployment itself is local", () => {
    for (const raw of ["http://localhost:3000", "http://127.0.0.1:5173"]) {
      expect(accepts(raw, "development")).toBe(true);
      for (const environment of ["production", "preview", "env_x"]) {
        expect([raw, environment, accepts(raw, environment)]).toEqual([raw, environment, false]);
        expect([raw, environment, accepts(raw, environment, LOCAL)]).toEqual([raw, environment, true]);
      }
    }
    expect(accepts("http://app.example.org", "development")).toBe(false);
  });

  test("a branch template never reaches beyond the site's own domain, and is for preview only", () => {
    for (const raw of ["https://{branch}.example.org", "https://app-{branch}-team.preview.example.org"]) {
      expect([raw, accepts(raw, "preview")]).toEqual([raw, true]);
      expect([raw, accepts(raw, "production")]).toEqual([raw, false]);
    }
    expect(accepts("http://{branch}.localhost:3000", "preview", LOCAL)).toBe(true);
    const refused = [
      "https://{branch}",
      "https://{branch}.com",
      "https://example.{branch}",
      "https://a.{branch}.example.org",
      "https://{branch}.{branch}.example.org",
      "https://{branch}{branch}.example.org",
      "https://{branch}@evil.com",
      "https://example.org/{branch}",
      "https://example.org:{branch}",
      "{branch}://example.org",
      "https://{Branch}.example.org",
    ];
    for (const raw of refused) expect([raw, accepts(raw, "preview")]).toEqual([raw, false]);
  });
});
