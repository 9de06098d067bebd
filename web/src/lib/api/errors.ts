/** What may go wrong between here and the API, and the words for it. */
import type { ErrorBody, ErrorCode } from "./types";

/** The API refused; `body` is what it said. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: ErrorBody;

  constructor(status: number, body: ErrorBody) {
    super(body.message);
    this.name = "ApiError";
    this.status = status;
    this.body = body;
  }

  get code(): ErrorCode {
    return this.body.code;
  }

  /** Seconds after which it makes sense to ask again. */
  get retryAfter(): number | undefined {
    return this.body.retry_after ?? undefined;
  }
}

/** Nobody answered: the network is gone, or the server is. */
export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached.");
    this.name = "Unreachable";
  }
}

/** The session is over; whoever is here has to sign in again. */
export class SessionEnded extends Error {
  constructor() {
    super("You were signed out.");
    this.name = "SessionEnded";
  }
}

const WORDS: Partial<Record<ErrorCode, string>> = {
  invalid_credentials: "This e-mail address and password do not belong together.",
  email_taken: "There is an account with this e-mail address already.",
  rate_limited: "That was a lot at once.",
  overloaded: "The server is busy.",
  database_unavailable: "The server cannot reach its database right now.",
  shutting_down: "The server is restarting.",
  interrupted: "The server stopped in the middle of this answer. What had come is kept.",
  internal_error: "Something went wrong on the server.",
  not_found: "This is not there, or no longer.",
  model_not_found: "This model is not available any more. Choose another one.",
  model_server_unreachable: "The model server does not answer. It may be switched off.",
  model_server_timed_out: "The model took too long to answer.",
  model_server_overloaded: "The model server is busy.",
  model_out_of_memory: "The model server has not enough memory for this model.",
  model_server_failed: "The model server failed.",
  model_protocol_broken: "The model server sent something that makes no sense.",
  answer_incomplete: "The model server stopped in the middle of this answer.",
  context_too_long: "This is too long for the model.",
  body_too_large: "This is too much for one message.",
};

/** Says in a sentence what happened. */
export function words(error: unknown): string {
  if (error instanceof ApiError) {
    return sentence(error.body);
  }
  return error instanceof Unreachable || error instanceof SessionEnded
    ? error.message
    : "Something went wrong.";
}

/** As `words`, for an error that came inside a stream or with a message. */
export function sentence(body: ErrorBody): string {
  // A value that was refused is best explained by what the server says of it.
  const [detail] = body.details ?? [];
  return detail?.message ?? WORDS[body.code] ?? body.message;
}

/** Reads the error of a response that is none of the API's successes. */
export async function errorOf(response: Response): Promise<ApiError | Unreachable> {
  try {
    const { error } = (await response.json()) as { error: ErrorBody };
    if (typeof error.code === "string" && typeof error.message === "string") {
      return new ApiError(response.status, error);
    }
  } catch {
    // A proxy's page, or nothing: the API itself did not answer.
  }
  return new Unreachable();
}
