"""What is said one after the other in a talk at a terminal."""

from deeper_api.chat.frames import Start
from deeper_api.cli.clients import Conversation, Message, Question
from deeper_core import ChatMessage, ChatRole, ConversationId, MessageId


class Thread:
    """Where a talk stands. The server keeps what was said, unless it is not ``kept``: then this does.

    A question belongs to the thread only once it is `keep`-ed with its answer. Until then the next question goes where
    it went; on the server that is a branch beside it.
    """

    def __init__(
        self, *, kept: bool = True, conversation: Conversation | None = None, last: Message | None = None
    ) -> None:
        self._kept = kept
        self._conversation_id: ConversationId | None = conversation and conversation.id
        self._last_id: MessageId | None = last and last.id
        self._messages: list[ChatMessage] = []

    def question(self, model: str, prompt: str) -> Question:
        """Return what to ask the server."""
        asked = ChatMessage(role=ChatRole.USER, content=prompt)
        if not self._kept:
            return Question(model=model, messages=[*self._messages, asked])
        if self._conversation_id is None:
            return Question(model=model, messages=[asked], store=True)
        return Question(model=model, messages=[asked], conversation_id=self._conversation_id, parent_id=self._last_id)

    def begin(self, start: Start) -> None:
        """Remember the conversation in which the server keeps a question and its answer."""
        self._conversation_id = start.conversation_id

    def keep(self, prompt: str, answer: str, answer_id: MessageId | None) -> None:
        """Go on after this answer."""
        if self._kept:
            self._last_id = answer_id
        else:
            self._messages += [
                ChatMessage(role=ChatRole.USER, content=prompt),
                ChatMessage(role=ChatRole.ASSISTANT, content=answer),
            ]
