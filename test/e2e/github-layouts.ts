import { afterAll, beforeAll, describe } from "vitest";
import { type FakeGitHub, startFakeGitHub } from "../providers/github/github.ts";
import { type App, startApp } from "./app.ts";

export interface Stands {
  github: FakeGitHub;
  /** Where browsers and webhooks of that GitHub go. */
  app: App;
}

/** The same tests for github.com and for a server of one's own, without a deployment; `stands` is for use within tests. */
export function onEachLayout(tests: (layout: "github.com" | "ghes", stands: () => Stands) => void): void {
  for (const layout of ["github.com", "ghes"] as const) {
    describe(layout, () => {
      let started: Stands | undefined;
      beforeAll(async () => {
        const [github, app] = await Promise.all([startFakeGitHub({ layout }), startApp()]);
        started = { github, app };
      });
      afterAll(async () => {
        await started?.github.stop();
        await started?.app.stop();
      });
      tests(layout, () => {
        if (started === undefined) throw new Error("not before the tests run");
        return started;
      });
    });
  }
}
