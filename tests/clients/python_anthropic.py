"""Asks for a message whole and streamed, with the official anthropic package as its users write it."""

import anthropic

client = anthropic.Anthropic()
question = {
    "model": "claude-test",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "What is kept here?"}],
}
print("whole", client.messages.create(**question).content[0].text)
with client.messages.stream(**question) as stream:
    for text in stream.text_stream:
        print("piece", text, flush=True)
print("end")
