"""Chat as OpenAI's API has it: what is read and written there, and how errors look."""
