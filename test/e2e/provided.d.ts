import "vitest";

declare module "vitest" {
  /** What `global-setup.ts` builds and tests `inject`. */
  interface ProvidedContext {
    /** Directory of the production bundle. */
    workerDir: string;
  }
}
