"""Walks a service as README.md of this directory says, with Python's own urllib."""

import json
import sys
import urllib.error
import urllib.request

base = sys.argv[1]
with urllib.request.urlopen(f"{base}/hello") as response:
    print("get", response.status, response.read().decode())
with urllib.request.urlopen(f"{base}/count", data=b"x" * 100_000) as response:
    print("post", response.read().decode())
try:
    urllib.request.urlopen(f"{base}/blocked")
except urllib.error.HTTPError as error:
    print("blocked", error.code, json.load(error)["error"])
with urllib.request.urlopen(f"{base}/stream/3") as response:
    for line in response:
        print(line.decode(), end="", flush=True)
print("end")
