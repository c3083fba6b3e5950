export { TriggerError, type TriggerErrorCode } from "./errors.ts";
export { expressTrigger, honoTrigger, triggerHandler, verifyTrigger } from "./receivers.ts";
export { createTokenMemory, type TokenMemory } from "./token-memory.ts";
export type { Trigger, VerifyTriggerOptions } from "./verify-delivery.ts";
