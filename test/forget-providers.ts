import { hostile } from "./providers/hostile.ts";

// For runs that follow each other in one process, as in mutation testing: what the last one did to a provider is over.
await (await fetch(hostile("/forget"))).text();
