"""A command on a laboratory host, from the outside: its input, its output as it comes, its end."""

import contextlib
import json
import signal
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """How a command ended; `code` is negative for a signal."""

    argv: Sequence[str]
    code: int
    out: str
    err: str

    def ok(self) -> "Result":
        assert self.code == 0, f"{self.argv} ended with {self.code}\n{self.out}\n{self.err}"
        return self


class Running:
    """A command that runs on a host. `close` kills it."""

    def __init__(self, host: str, argv: Sequence[str], connection: socket.socket) -> None:
        self.host = host
        self.argv = argv
        self.pid = 0
        self._connection = connection
        self._connection.settimeout(None)
        self._text = {"out": "", "err": ""}
        self._code: int | None = None
        self._lost = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._listen, name=f"{host}: {argv[0]}", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._connection.makefile("rb") as frames:
            for line in frames:
                self._take(json.loads(line))
        self._connection.close()
        with self._news:
            self._lost = self._code is None
            self._news.notify_all()

    def _take(self, frame: dict[str, Any]) -> None:
        with self._news:
            for name in self._text.keys() & frame.keys():
                self._text[name] += frame[name].encode("latin-1").decode(errors="replace")
            self.pid = frame.get("pid", self.pid)
            self._code = frame.get("code", self._code)
            self._news.notify_all()

    @property
    def out(self) -> str:
        return self._text["out"]

    @property
    def err(self) -> str:
        return self._text["err"]

    @property
    def ended(self) -> bool:
        return self._code is not None or self._lost

    def wait(self, timeout: float = 120.0) -> Result:
        """Until it has ended."""
        with self._news:
            assert self._news.wait_for(lambda: self.ended, timeout), self._describe("still runs")
        assert self._code is not None, self._describe("was lost with its host")
        return Result(self.argv, self._code, self.out, self.err)

    def until(self, text: str, timeout: float = 60.0, times: int = 1) -> None:
        """Until it has said something so often."""

        def said() -> bool:
            return (self.out + self.err).count(text) >= times

        with self._news:
            self._news.wait_for(lambda: said() or self.ended, timeout)
        assert said(), self._describe(f"has not said {text!r} within {timeout:g} s")

    def say(self, text: str) -> None:
        """Write a line to its standard input."""
        self._send({"in": f"{text}\n"})

    def ask(self, text: str, timeout: float) -> str:
        """Write a line; the next line that it says."""
        before = self.out.count("\n")
        self.say(text)
        with self._news:
            answered = self._news.wait_for(
                lambda: self.out.count("\n") > before or self.ended, timeout
            )
        assert answered, self._describe("has not answered")
        assert not self.ended, self._describe("has ended")
        return self.out.splitlines()[before]

    def signal(self, number: signal.Signals) -> None:
        self._send({"signal": int(number)})

    def _send(self, frame: dict[str, Any]) -> None:
        self._connection.sendall(json.dumps(frame).encode() + b"\n")

    def close(self) -> None:
        """Kill it, if it still runs; also where its host is gone."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _describe(self, what: str) -> str:
        return f"{list(self.argv)} on {self.host} {what}\n{self.out}\n{self.err}"
