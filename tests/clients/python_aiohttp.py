"""Walks a service as README.md of this directory says, with aiohttp. It reads the proxy's variables only if it is told to."""

import asyncio
import sys

import aiohttp


async def walk() -> None:
    async with aiohttp.ClientSession(sys.argv[1], trust_env=True) as client:
        async with client.get("/hello") as response:
            print("get", response.status, await response.text())
        async with client.post("/count", data=b"x" * 100_000) as response:
            print("post", await response.text())
        async with client.get("/blocked") as response:
            print("blocked", response.status, (await response.json())["error"])
        async with client.get("/stream/3") as response:
            async for line in response.content:
                print(line.decode(), end="", flush=True)
    print("end")


asyncio.run(walk())
