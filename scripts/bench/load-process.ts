import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { LoadOrder, LoadReport } from "./load.ts";

type Message = { report: LoadReport } | { error: string };

export interface LoadProcess {
  run(order: LoadOrder): Promise<LoadReport>;
  stop(): void;
}

/** Start the load generator. It measures one order at a time. */
export function startLoadProcess(): LoadProcess {
  const child = fork(fileURLToPath(new URL("load.ts", import.meta.url)), { serialization: "advanced", execArgv: [] });
  return {
    run: (order) =>
      new Promise((resolve, reject) => {
        const onExit = () => reject(new Error("The load generator ended."));
        child.once("exit", onExit).once("message", (message: Message) => {
          child.off("exit", onExit);
          if ("report" in message) resolve(message.report);
          else reject(new Error(message.error));
        });
        child.send(order);
      }),
    stop: () => child.disconnect(),
  };
}
