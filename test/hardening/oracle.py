"""Says what another implementation of WebSocket (wsproto) does with the bytes that a client sends after its handshake.

Reads one conversation a line, in hexadecimal, and writes how each ends: "lives" when it still answers the last ping, a
close code, or "waits" when it neither answers nor closes. What a gateway says about messages, not about frames, stands
in `judge`: a text must be a JSON object of the type "ping", and no longer than 64 KiB.
"""

import json
import sys

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

LONGEST = 64 * 1024


def judge(text):
    try:
        message = json.loads(text)
    except ValueError:
        return 1008
    return None if isinstance(message, dict) and message.get("type") == "ping" else 1008


def end_of(data):
    connection = Connection(ConnectionType.SERVER)
    connection.receive_data(data)
    text, size = "", 0
    for event in connection.events():
        if isinstance(event, CloseConnection):
            return int(event.code)
        if isinstance(event, Ping) and event.payload == b"still there?":
            return "lives"
        if isinstance(event, (TextMessage, BytesMessage)):
            is_text = isinstance(event, TextMessage)
            size += len(event.data.encode() if is_text else event.data)
            text += event.data if is_text else ""
            if size > LONGEST:
                return 1009
            if event.message_finished:
                code = judge(text) if is_text else 1008
                if code is not None:
                    return code
                text, size = "", 0
    return "waits"


for line in sys.stdin:
    print(json.dumps(end_of(bytes.fromhex(line))), flush=True)
