/** Why a request is not believed to be an event of one's own deployment. Branch on it, never on the message. */
export type TriggerErrorCode =
  | "invalid_configuration"
  | "token_missing"
  | "token_invalid"
  | "token_expired"
  | "token_replayed"
  | "issuer_mismatch"
  | "audience_mismatch"
  | "connector_mismatch"
  | "request_mismatch"
  | "body_mismatch"
  | "body_too_large"
  | "body_unreadable"
  | "keys_unavailable";

const FACES: Record<TriggerErrorCode, { status: number; sentence: string }> = {
  invalid_configuration: { status: 500, sentence: "verifyTrigger was given options that cannot be used." },
  token_missing: { status: 401, sentence: "The request has no bearer token." },
  token_invalid: { status: 401, sentence: "The request's token is not a forward token of this deployment." },
  token_expired: { status: 401, sentence: "The request's token is not valid at this time." },
  token_replayed: { status: 401, sentence: "The request's token was used before." },
  issuer_mismatch: { status: 401, sentence: "The request's token is from another issuer." },
  audience_mismatch: { status: 401, sentence: "The request's token is for another destination." },
  connector_mismatch: { status: 401, sentence: "The event is from another connector." },
  request_mismatch: { status: 401, sentence: "The request's token is for another method or URL." },
  body_mismatch: { status: 401, sentence: "The request's token is for another body." },
  body_too_large: { status: 413, sentence: "The body is larger than maxBodyBytes." },
  body_unreadable: { status: 400, sentence: "The body could not be read." },
  keys_unavailable: { status: 503, sentence: "The deployment's public keys could not be fetched. Try again later." },
};

/** The event is not to be acted on. `status` is what to answer; 503 makes the deployment try again. */
export class TriggerError extends Error {
  override readonly name = "TriggerError";
  readonly code: TriggerErrorCode;
  readonly status: number;

  /** `detail` says more than the code's own sentence; never put anything of a token or body into it. */
  constructor(code: TriggerErrorCode, detail?: string) {
    const { status, sentence } = FACES[code];
    super(detail === undefined ? sentence : `${sentence} ${detail}`);
    this.code = code;
    this.status = status;
  }
}

/** The answer to a request that was refused: the code alone, since a stranger may be reading. */
export function refusal(error: TriggerError): { status: number; body: { error: { code: TriggerErrorCode } } } {
  return { status: error.status, body: { error: { code: error.code } } };
}
