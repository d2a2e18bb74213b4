"""A mail server on loopback that takes what it is given, after sign-in if it is asked to."""

import base64
import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Self


class MailServer:
    """It runs within `with`; what came stands in `mails`, who signed in in `signed_in`."""

    def __init__(self, refuses: int = 0) -> None:
        """`refuses` is how many connections are turned away first."""
        self.mails: list[EmailMessage] = []
        self.signed_in: list[bytes] = []
        self.refuses = refuses
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line: str) -> None:
                self.wfile.write(line.encode() + b"\r\n")

            def handle(self) -> None:
                if server.refuses > 0:
                    server.refuses -= 1
                    self.say("421 try again later")
                    return
                self.say("220 here")
                while line := self.rfile.readline(2_000):
                    match line.split()[:1]:
                        case [b"EHLO" | b"ehlo"]:
                            self.say("250-here")
                            self.say("250 AUTH PLAIN LOGIN")
                        case [b"AUTH"]:
                            server.signed_in.append(base64.b64decode(line.split()[2]))
                            self.say("235 welcome")
                        case [b"DATA" | b"data"]:
                            self.say("354 go on")
                            taken = b""
                            while (part := self.rfile.readline()) != b".\r\n":
                                taken += part
                            mail = message_from_bytes(taken, policy=policy.default)
                            server.mails.append(mail)
                            self.say("250 taken")
                        case [b"QUIT" | b"quit"]:
                            self.say("221 bye")
                            return
                        case _:
                            self.say("250 ok")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    def address(self, password: str = "") -> str:
        """Return where apprise sends mail to it."""
        who = f"bot:{password}@" if password else ""
        return (
            f"mailto://{who}127.0.0.1:{self.port}/me@example.com?from=bot@example.com&mode=insecure"
        )

    def texts(self) -> list[str]:
        """Return subject and text of each mail."""
        bodies = [mail.get_body(("plain", "html")).get_content() for mail in self.mails]
        bodies = [body.replace("\r\n", "\n") for body in bodies]
        return [f"{mail['Subject']}\n{body}" for mail, body in zip(self.mails, bodies, strict=True)]

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
