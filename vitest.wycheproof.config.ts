import { defineConfig } from "vitest/config";
import whole from "./vitest.config.ts";

// Vectors of others, which are not kept here, against the platform's primitives in workerd. See test/wycheproof.
const [workerd] = whole.test?.projects ?? [];
if (typeof workerd !== "object" || !("test" in workerd)) throw new Error("vitest.config.ts has no workerd project");

export default defineConfig({
  ...workerd,
  test: {
    ...workerd.test,
    include: ["test/wycheproof/*.test.ts"],
    exclude: [],
    globalSetup: ["./test/wycheproof/global-setup.ts"],
    setupFiles: [],
  },
});
