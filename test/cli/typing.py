"""Types at a terminal: python3 typing.py COMMAND… reads from descriptor 3 a JSON list of [wait for, then type] and prints what was shown."""

import json
import os
import pty
import re
import select
import sys
import time

steps = json.load(os.fdopen(3))
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])

shown = ""
looked = 0
deadline = time.monotonic() + 20


def more():
    """Reads what is shown next; whether there is more to come."""
    global shown
    if time.monotonic() > deadline:
        os.kill(pid, 9)
        return False
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            return False
        shown += chunk.decode(errors="replace")
        return len(chunk) > 0
    return True


for wanted, typed in steps:
    found = None
    while found is None:
        found = re.compile(wanted).search(shown, looked)
        if found is None and not more():
            break
    if found is None:
        break
    looked = found.end()
    os.write(terminal, typed.encode())
while more():
    pass
status = os.waitpid(pid, 0)[1]
print(json.dumps({"shown": shown, "code": os.waitstatus_to_exitcode(status)}))
