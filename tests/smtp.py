"""A mail server in the test's process: it speaks just enough SMTP, and answers as it is told."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class MailServer(socketserver.ThreadingTCPServer):
    """``mails`` are (recipients, text) as they came; ``answers`` replace the usual answer to a command."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.mails: list[tuple[list[str], str]] = []
        self.answers: dict[str, str] = {}
        self.port = self.server_address[1]


class Session(socketserver.StreamRequestHandler):
    """One connection."""

    server: MailServer

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        recipients: list[str] = []
        self.say("220 test")
        while line := self.rfile.readline().decode().strip():
            word = line.split(" ")[0].upper()
            told = self.server.answers.get(word)
            if told == "hang up":
                return
            if word == "QUIT":
                self.say("221 bye")
                return
            if word == "DATA" and not told:
                self.say("354 go on")
                text = b"".join(iter(self.rfile.readline, b".\r\n")).decode()
                self.server.mails.append((recipients, text))
            elif word == "RCPT" and not told:
                recipients.append(line.partition("<")[2].rstrip(">"))
            self.say(told or "250 ok")


@contextmanager
def running() -> Iterator[MailServer]:
    """The server while the block lasts."""
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
