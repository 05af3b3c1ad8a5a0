# python3 examples/recipes/follow.py STREAM: every frame of a WebSocket, with the package websockets.
import asyncio, json, os, random, sys
from urllib.parse import urlencode
import websockets


async def follow(stream):
    base = os.environ.get("SKEIN", "http://127.0.0.1:8000").replace("http", "ws", 1)
    token = os.environ.get("TOKEN")
    cursor = None
    while True:
        since = ("&" if "?" in stream else "?") + urlencode({"since": cursor}) if cursor else ""
        try:
            protocols = ["token", token] if token else None
            # The gateway answers pings of the protocol, and they show it that somebody is there.
            async with websockets.connect(f"{base}/ws/{stream}{since}", subprotocols=protocols, ping_interval=30) as socket:
                async for text in socket:
                    frame = json.loads(text)
                    cursor = frame.get("cursor", cursor)
                    print(text, flush=True)
                code = socket.close_code
        except websockets.ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
        except OSError:
            code = 1006
        if code not in (1001, 1006, 4408, 4429) and code < 4500:
            return code
        await asyncio.sleep(1 + 2 * random.random())


code = asyncio.run(follow(sys.argv[1]))
sys.exit(0 if code == 1000 else f"closed with {code}")
