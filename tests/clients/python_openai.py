"""Asks for a completion whole and streamed, with the official openai package as its users write it."""

import openai

client = openai.OpenAI()
question = {"model": "gpt-test", "messages": [{"role": "user", "content": "What is kept here?"}]}
print("whole", client.chat.completions.create(**question).choices[0].message.content)
for chunk in client.chat.completions.create(**question, stream=True):
    print("piece", chunk.choices[0].delta.content, flush=True)
print("end")
