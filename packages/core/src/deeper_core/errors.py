"""The one tree of errors. Errors know nothing of HTTP.

::

    DeeperError
    ├── InvalidRequest             the request cannot be understood
    │   ├── ValidationFailed         understood, but a value is not allowed
    │   ├── BodyTooLarge
    │   ├── UnsupportedMediaType
    │   └── MethodNotAllowed
    ├── Unauthenticated            who asks is not known
    │   ├── InvalidCredentials       wrong e-mail or password
    │   ├── InvalidToken             missing, malformed, expired or revoked access token
    │   ├── InvalidRefreshToken      likewise for refreshing
    │   └── RefreshTokenReused       an old refresh token came back: its session is over
    ├── Forbidden                  who asks is known and may not
    ├── NotFound                   no such thing, or not yours
    │   └── ModelNotFound
    ├── Conflict                   the thing is not in a state that allows it
    │   └── EmailTaken
    ├── RateLimited                too many requests from you
    ├── Overloaded                 too many requests from everybody
    ├── DatabaseUnavailable        the database does not answer
    ├── ShuttingDown               this process is ending
    ├── Interrupted                the process that wrote this answer ended in the middle of it
    ├── InternalError              a fault of ours
    └── ModelServerError           the model server failed; ``retryable`` says whether asking again may help
        ├── ModelServerUnreachable   no connection
        ├── ModelServerTimedOut      connected, but silent for too long
        ├── ModelServerOverloaded    it said that it is busy
        ├── ModelServerRejected      it refused the request
        │   └── ContextTooLong         because the conversation does not fit
        ├── ModelOutOfMemory         it cannot hold the model
        ├── ModelServerFailed        it said that it failed
        ├── ModelProtocolBroken      it sent what its protocol does not know
        └── AnswerIncomplete         it stopped without saying that it was done
"""

from enum import StrEnum
from typing import ClassVar

from msgspec import Struct

from deeper_core.ids import SessionId, UserId


class ErrorCode(StrEnum):
    """Every code that a client can meet; the list is closed."""

    INVALID_REQUEST = "invalid_request"
    VALIDATION_FAILED = "validation_failed"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UNAUTHENTICATED = "unauthenticated"
    INVALID_CREDENTIALS = "invalid_credentials"
    INVALID_TOKEN = "invalid_token"
    INVALID_REFRESH_TOKEN = "invalid_refresh_token"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    MODEL_NOT_FOUND = "model_not_found"
    CONFLICT = "conflict"
    EMAIL_TAKEN = "email_taken"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    DATABASE_UNAVAILABLE = "database_unavailable"
    SHUTTING_DOWN = "shutting_down"
    INTERRUPTED = "interrupted"
    INTERNAL_ERROR = "internal_error"
    MODEL_SERVER_ERROR = "model_server_error"
    MODEL_SERVER_UNREACHABLE = "model_server_unreachable"
    MODEL_SERVER_TIMED_OUT = "model_server_timed_out"
    MODEL_SERVER_OVERLOADED = "model_server_overloaded"
    MODEL_SERVER_REJECTED = "model_server_rejected"
    CONTEXT_TOO_LONG = "context_too_long"
    MODEL_OUT_OF_MEMORY = "model_out_of_memory"
    MODEL_SERVER_FAILED = "model_server_failed"
    MODEL_PROTOCOL_BROKEN = "model_protocol_broken"
    ANSWER_INCOMPLETE = "answer_incomplete"


class ErrorDetail(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fault of a request: ``message`` in words, ``field`` as a JSON path such as ``$.messages[0].role``."""

    message: str
    field: str | None = None


class DeeperError(Exception):
    """Base of every error that is raised on purpose.

    ``message`` is for the client and must hold nothing secret and nothing of an upstream's text. ``retry_after`` is
    the number of seconds after which asking again makes sense, or None.
    """

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL_ERROR
    default_message: ClassVar[str] = "Something went wrong."

    def __init__(
        self,
        message: str | None = None,
        *,
        details: tuple[ErrorDetail, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        self.message = message or self.default_message
        self.details = details
        self.retry_after = retry_after
        super().__init__(self.message)

    def __str__(self) -> str:
        """Return the message, and what the details say."""
        told = [f"{each.message}." if each.field is None else f"{each.field}: {each.message}." for each in self.details]
        return " ".join([self.message, *told])


class InvalidRequest(DeeperError):
    """The request cannot be understood."""

    code = ErrorCode.INVALID_REQUEST
    default_message = "The request cannot be understood."


class ValidationFailed(InvalidRequest):
    """The request is well formed, but a value in it is not allowed; ``details`` names which."""

    code = ErrorCode.VALIDATION_FAILED
    default_message = "A value in the request is not allowed."


class BodyTooLarge(InvalidRequest):
    """The body is larger than this route accepts."""

    code = ErrorCode.BODY_TOO_LARGE
    default_message = "The request body is too large."


class UnsupportedMediaType(InvalidRequest):
    """The body is not JSON, or does not say so."""

    code = ErrorCode.UNSUPPORTED_MEDIA_TYPE
    default_message = "Send the body as JSON, with the header Content-Type: application/json."


class MethodNotAllowed(InvalidRequest):
    """The resource exists, but not for this method."""

    code = ErrorCode.METHOD_NOT_ALLOWED
    default_message = "This resource does not support that method."


class Unauthenticated(DeeperError):
    """Who asks is not known."""

    code = ErrorCode.UNAUTHENTICATED
    default_message = "Sign in to do this."


class InvalidCredentials(Unauthenticated):
    """The e-mail address or the password is wrong; nobody is told which."""

    code = ErrorCode.INVALID_CREDENTIALS
    default_message = "The e-mail address or the password is wrong."


class InvalidToken(Unauthenticated):
    """The access token is missing, malformed, expired or revoked; nobody is told which."""

    code = ErrorCode.INVALID_TOKEN
    default_message = "The access token is missing, expired or not valid. Refresh it or sign in again."


class InvalidRefreshToken(Unauthenticated):
    """The refresh token is malformed, forged, expired or revoked; nobody is told which."""

    code = ErrorCode.INVALID_REFRESH_TOKEN
    default_message = "The session has ended. Sign in again."


class RefreshTokenReused(Unauthenticated):
    """A refresh token came back after it was replaced: it may be stolen, and its session is over.

    ``user_id`` and ``session_id`` say whose that was, where it is known.
    """

    code = ErrorCode.REFRESH_TOKEN_REUSED
    default_message = "This refresh token was used before, so its session was ended. Sign in again."

    def __init__(
        self, message: str | None = None, *, user_id: UserId | None = None, session_id: SessionId | None = None
    ) -> None:
        super().__init__(message)
        self.user_id = user_id
        self.session_id = session_id


class Forbidden(DeeperError):
    """Who asks is known and may not do this."""

    code = ErrorCode.FORBIDDEN
    default_message = "Your account may not do this."


class NotFound(DeeperError):
    """There is no such thing, or it belongs to somebody else."""

    code = ErrorCode.NOT_FOUND
    default_message = "There is no such thing here."


class ModelNotFound(NotFound):
    """No model server has the model that was named."""

    code = ErrorCode.MODEL_NOT_FOUND
    default_message = "There is no such model."


class Conflict(DeeperError):
    """The thing is not in a state that allows this."""

    code = ErrorCode.CONFLICT
    default_message = "This conflicts with the present state."


class EmailTaken(Conflict):
    """Another account has this e-mail address."""

    code = ErrorCode.EMAIL_TAKEN
    default_message = "There is an account with this e-mail address already."


class RateLimited(DeeperError):
    """This caller has asked too often; ``retry_after`` is set."""

    code = ErrorCode.RATE_LIMITED
    default_message = "Too many requests. Wait as long as the Retry-After header says."


class Overloaded(DeeperError):
    """There is more work than this server takes on at once; ``retry_after`` is set."""

    code = ErrorCode.OVERLOADED
    default_message = "The server is busy. Try again shortly."


class DatabaseUnavailable(DeeperError):
    """The database does not answer; ``retry_after`` is set."""

    code = ErrorCode.DATABASE_UNAVAILABLE
    default_message = "The server cannot reach its database. Try again shortly."


class ShuttingDown(DeeperError):
    """This process is ending and takes on nothing new."""

    code = ErrorCode.SHUTTING_DOWN
    default_message = "The server is shutting down. Try again shortly."


class Interrupted(DeeperError):
    """The process that wrote this answer ended in the middle of it; what it had written is kept."""

    code = ErrorCode.INTERRUPTED
    default_message = "The server that wrote this answer was interrupted. What it had written until then is kept."


class InternalError(DeeperError):
    """A fault of ours, logged with the request id."""

    code = ErrorCode.INTERNAL_ERROR
    default_message = "Something went wrong on our side. The request id helps to find out what."


class ModelServerError(DeeperError):
    """Base of every fault of a model server. ``retryable``: the same request may succeed a moment later."""

    code = ErrorCode.MODEL_SERVER_ERROR
    default_message = "The model server failed."
    retryable: ClassVar[bool] = False


class ModelServerUnreachable(ModelServerError):
    """No connection, or one that broke before the answer began."""

    code = ErrorCode.MODEL_SERVER_UNREACHABLE
    default_message = "The model server cannot be reached."
    retryable = True


class ModelServerTimedOut(ModelServerError):
    """The model server accepted the request and then stayed silent for longer than allowed."""

    code = ErrorCode.MODEL_SERVER_TIMED_OUT
    default_message = "The model server took too long."


class ModelServerOverloaded(ModelServerError):
    """The model server said that it is busy; ``retry_after`` is set when it said for how long."""

    code = ErrorCode.MODEL_SERVER_OVERLOADED
    default_message = "The model server is busy. Try again shortly."
    retryable = True


class ModelServerRejected(ModelServerError):
    """The model server refused the request: this model cannot do what was asked, or a value is wrong."""

    code = ErrorCode.MODEL_SERVER_REJECTED
    default_message = "The model server refused the request. The model may not support what was asked of it."


class ContextTooLong(ModelServerRejected):
    """The conversation does not fit into the model's context."""

    code = ErrorCode.CONTEXT_TOO_LONG
    default_message = "The conversation is too long for this model's context. Shorten it or choose another model."


class ModelOutOfMemory(ModelServerError):
    """The model server has not enough memory for this model."""

    code = ErrorCode.MODEL_OUT_OF_MEMORY
    default_message = "The model server has not enough memory for this model."


class ModelServerFailed(ModelServerError):
    """The model server said that it failed."""

    code = ErrorCode.MODEL_SERVER_FAILED
    default_message = "The model server failed."


class ModelProtocolBroken(ModelServerError):
    """The model server sent what its protocol does not know."""

    code = ErrorCode.MODEL_PROTOCOL_BROKEN
    default_message = "The model server sent something that cannot be understood."


class AnswerIncomplete(ModelServerError):
    """The stream ended without saying that the answer is complete."""

    code = ErrorCode.ANSWER_INCOMPLETE
    default_message = "The answer broke off before it was complete."
