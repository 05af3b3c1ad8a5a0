# python3 examples/recipes/events.py STREAM: every frame of one event stream, with the package httpx and nothing else.
import os, sys
import httpx

base = os.environ.get("SKEIN", "http://127.0.0.1:8000")
token = os.environ.get("TOKEN")
headers = {"authorization": f"Bearer {token}"} if token else {}
with httpx.stream("GET", f"{base}/sse/{sys.argv[1]}", headers=headers, timeout=httpx.Timeout(10, read=60)) as response:
    if response.status_code != 200:
        sys.exit(response.read().decode())
    for line in response.iter_lines():
        if line.startswith("data: "):
            print(line.removeprefix("data: ").strip(), flush=True)
