import { expect, test } from "vitest";
import { ORIGIN } from "../authorize/support.ts";
import {
  type InstallScene,
  installationsOf,
  installed,
  installScene,
  installWorld,
  newBrowser,
  proven,
  resultOf,
  started,
} from "./support.ts";

const world = await installWorld();

/** Two requests of one connector that one browser has agreed to, each about to come back from the provider. */
async function twoTabs(name: string, own: InstallScene) {
  const orgs = await Promise.all(
    ["a", "b"].map((which) => world.github.call<number>("addOrganization", `${name}-${which}`)),
  );
  const [one, two] = [await started(world.api, own), await started(world.api, own)];
  const user = newBrowser(world);
  const callbacks = [await installed(user, one.request, orgs[0]), await installed(user, two.request, orgs[1])] as const;
  const results = async () => Promise.all([one, two].map(({ verifier }) => resultOf(world, verifier, own.runtime)));
  return { user, callbacks, results };
}

test("two tabs of one browser, begun one after the other and ended the other way round, each get what was installed there", async () => {
  const own = await installScene(world, "two-tabs-plain");
  const { user, callbacks, results } = await twoTabs("plain", own);
  const second = await proven(user, callbacks[1]);
  const first = await proven(user, callbacks[0]);
  expect((await user.get(second)).status).toBe(303);
  expect((await results()).map(({ status }) => status)).toEqual(["pending", "success"]);
  expect((await user.get(first)).status).toBe(303);
  const listed: { id: string; name: string }[] = await installationsOf(world, own.connectorId);
  const names = (await results()).map(({ data }) => listed.find(({ id }) => id === data.installationId)?.name);
  expect(names).toEqual(["plain-a", "plain-b"]);
});

test("A-06 the code of one tab proves nothing in the other: both end, and nothing is installed", async () => {
  const own = await installScene(world, "two-tabs-crossed");
  const { user, callbacks, results } = await twoTabs("crossed", own);
  const [first, second] = [await proven(user, callbacks[0]), await proven(user, callbacks[1])];
  const crossed = new URL(first, ORIGIN);
  crossed.searchParams.set("code", new URL(second, ORIGIN).searchParams.get("code") ?? "");
  await user.get(crossed.pathname + crossed.search);
  await user.get(second);
  expect((await results()).map(({ status }) => status)).toEqual(["error", "error"]);
  expect(await installationsOf(world, own.connectorId)).toEqual([]);
});
