"""Calls a gRPC service: one answer, a stream in which each side waits for the other, and a failure with its details."""

import queue
import sys

import grpc

channel = grpc.secure_channel(sys.argv[1], grpc.ssl_channel_credentials())
once = channel.unary_unary("/test.Service/Once")
each = channel.stream_stream("/test.Service/Each")
print(once(b"hello", metadata=[("x-key", "placeholder")], timeout=20).decode())
words: queue.Queue = queue.Queue()
answers = each(iter(words.get, None), timeout=20)
for number in range(3):
    words.put(f"word {number}".encode())
    print(next(answers).decode())
words.put(None)
print("ended", list(answers))
try:
    once(b"fail", timeout=20)
except grpc.RpcError as error:
    print(error.code().name, error.details(), dict(error.trailing_metadata()).get("x-why"))
try:
    channel.unary_unary("/test.Service/Blocked")(b"", timeout=20)
except grpc.RpcError as error:
    print("blocked", error.code().name)
