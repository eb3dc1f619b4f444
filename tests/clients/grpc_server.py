"""A gRPC service on a port of its own: one call that answers once, one that answers each message as it comes.

    grpc_server.py CERTIFICATE KEY
"""

import pathlib
import sys
from concurrent import futures

import grpc

KEY = "x-key"


def once(request: bytes, context: grpc.ServicerContext) -> bytes:
    if request == b"fail":
        context.set_trailing_metadata([("x-why", "asked to")])
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "as you like")
    keys = [value for name, value in context.invocation_metadata() if name == KEY]
    return b"once " + request + f" {len(keys)} {len(keys[0])}".encode()


def each(requests, context: grpc.ServicerContext):
    for request in requests:
        yield b"each " + request


handlers = {"Once": grpc.unary_unary_rpc_method_handler(once), "Each": grpc.stream_stream_rpc_method_handler(each)}
server = grpc.server(futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Service", handlers)])
certificate, key = (pathlib.Path(path).read_bytes() for path in sys.argv[1:])
port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
server.start()
print(port, flush=True)
server.wait_for_termination()
