import { expect, test } from "vitest";
import { readFlowCookie, setFlowCookie } from "../../src/authorize/flow-cookie.ts";

const value = { value: "v", maxAgeMs: 90_500 };

test("the cookie follows the deployment's origin", () => {
  expect(setFlowCookie("https://connect.example.com", "sca_1", value)).toBe(
    "__Host-vk_flow_sca_1=v; Path=/; Max-Age=91; HttpOnly; SameSite=Lax; Secure",
  );
  expect(setFlowCookie("http://127.0.0.1:8787", "sca_1", value)).toBe(
    "vk_flow_8787_sca_1=v; Path=/; Max-Age=91; HttpOnly; SameSite=Lax",
  );
});

test("A-07 a cookie that comes twice is none: one of them was put there by somebody else", () => {
  const read = (cookie: string) => readFlowCookie(new Headers({ cookie }), "https://connect.example.com", "sca_1");
  expect(read("a=b; __Host-vk_flow_sca_1=v; c=d")).toBe("v");
  expect(read("__Host-vk_flow_sca_1=v; __Host-vk_flow_sca_1=w")).toBeNull();
  expect(read("vk_flow_8787_sca_1=v")).toBeNull();
  expect(read("__Host-vk_flow_sca_2=v")).toBeNull();
});
