"""A `curl` for the guides: not every machine has one, and the server of a test has a port of its own.

Knows what the guides use: `-s`, `-N`, `--retry N` with `--retry-connrefused`, `-X METHOD`, `-H "Name: value"`,
`-d BODY` and `-d @FILE`, `-o FILE`, `-w TEXT` with `%{http_code}` and `%header{name}`, one URL, and refuses all else.
`--wait` asks until the answer is 200.
"""

import os
import re
import sys
import time
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path

WAIT_SECONDS = 120


def main(arguments: list[str]) -> int:
    method, headers, body, urls, wait, retry = None, {}, None, [], False, False
    file, written = None, ""
    words = iter(arguments)
    for word in words:
        match word:
            case "-s" | "-N":
                pass
            case "--retry":
                next(words)
            case "--retry-connrefused":
                retry = True
            case "--wait":
                wait = True
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-o":
                file = Path(next(words))
            case "-w":
                written = next(words)
            case "-d":
                text = next(words)
                body = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
            case _ if found := re.fullmatch(r"localhost:(\d+)(/.*)", word):
                port = os.environ["SOJOURN_PORT"] if found[1] == "8080" else found[1]
                urls.append(f"http://127.0.0.1:{port}{found[2]}")
            case _:
                raise SystemExit(f"curl: the tests do not know {word!r}")
    (url,) = urls
    request = urllib.request.Request(url, body, headers, method=method)
    status, found_headers, answer = ask(request, time.monotonic() + WAIT_SECONDS if wait or retry else 0)
    if file is not None:
        file.write_bytes(answer)
    elif not wait:
        sys.stdout.buffer.write(answer)
    written = written.replace("%{http_code}", str(status))
    sys.stdout.write(re.sub(r"%header\{([\w-]+)\}", lambda name: found_headers.get(name[1]) or "", written))
    return 0


def ask(request: urllib.request.Request, until: float) -> tuple[int, Message, bytes]:
    """The answer's status, headers and body, whatever its status; before `until`, nobody answering is no error."""
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, bytes(answer.read())
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.headers, refusal.read()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
