"""Speaks WebSocket with a service: greeting, text, 200,000 bytes, a ping, and both ways to leave."""

import asyncio
import json
import sys

import aiohttp


async def speak() -> None:
    async with aiohttp.ClientSession(sys.argv[1], trust_env=True) as client:
        async with client.ws_connect("/chat", protocols=("chat",), headers={"x-key": "placeholder"}, max_msg_size=0) as socket:
            print("greeted", (await socket.receive_json())["protocol"], socket.protocol)
            await socket.send_str("grüße")
            print("text", await socket.receive_str())
            await socket.send_bytes(bytes(range(256)) * 800)
            print("bytes", len(await socket.receive_bytes()))
            await socket.ping()
            await socket.send_str("leave")
            message = await socket.receive()
            print("closed", message.data, message.extra)
        async with client.ws_connect("/chat") as socket:
            await socket.receive_json()
            await socket.close(code=4002)
        try:
            await client.ws_connect("/refused")
        except aiohttp.WSServerHandshakeError as error:
            print("refused", error.status)
        try:
            await client.ws_connect("/blocked")
        except aiohttp.WSServerHandshakeError as error:
            print("blocked", error.status, error.headers["x-onecli-error"])


asyncio.run(speak())
