"""Walks a service as README.md of this directory says, with httpx."""

import sys

import httpx

with httpx.Client(base_url=sys.argv[1]) as client:
    response = client.get("/hello")
    print("get", response.status_code, response.text)
    print("post", client.post("/count", content=b"x" * 100_000).text)
    response = client.get("/blocked")
    print("blocked", response.status_code, response.json()["error"])
    with client.stream("GET", "/stream/3") as response:
        for line in response.iter_lines():
            print(line, flush=True)
print("end")
