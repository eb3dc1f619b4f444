"""A WebSocket service on a port of its own: sends back what it gets, and says how it was greeted and left.

    websocket_server.py CERTIFICATE KEY
"""

import asyncio
import json
import ssl
import sys

from aiohttp import WSMsgType, web


async def speak(request: web.Request) -> web.StreamResponse:
    if request.path == "/refused":
        return web.Response(status=403, text="not here")
    socket = web.WebSocketResponse(protocols=("chat",), autoping=True, max_msg_size=0)
    await socket.prepare(request)
    await socket.send_str(json.dumps({"key": request.headers.getall("x-key", []), "protocol": socket.ws_protocol}))
    async for message in socket:
        if message.type == WSMsgType.TEXT and message.data == "leave":
            await socket.close(code=4001, message=b"as you like")
            return socket
        elif message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
        else:
            await socket.send_bytes(message.data)
    print(f"closed {socket.close_code}", flush=True)
    return socket


async def main() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    app = web.Application()
    app.router.add_get("/{path:.*}", speak)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
