"""Walks a service as README.md of this directory says, with requests."""

import sys

import requests

base = sys.argv[1]
response = requests.get(f"{base}/hello")
print("get", response.status_code, response.text)
print("post", requests.post(f"{base}/count", data=b"x" * 100_000).text)
response = requests.get(f"{base}/blocked")
print("blocked", response.status_code, response.json()["error"])
with requests.get(f"{base}/stream/3", stream=True) as response:
    for line in response.iter_lines(chunk_size=1):
        print(line.decode(), flush=True)
print("end")
