"""The process: requests and answers are JSON lines on stdin and stdout, one thread does all.

A request is `{"id", "do", …}`, its answer `{"id", "ok": …}` or `{"id", "error": {code, sentence,
fix}}`; answers come in any order. The first request is `watch`, with the key of the tags in hex.
The process ends with its stdin.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Callable
from typing import Any

from mrcore import errors, redact
from mrcore.logreader import answers, generation, watch

BUSY_S = 0.05
IDLE_S = 0.25
SLICE_S = 0.02

Now = Callable[[], float]


class Loop:
    """Reads requests from `source`, writes answers to `sink` (descriptors), polls in between."""

    def __init__(self, source: int, sink: int, *, now: Now = time.time) -> None:
        self._source, self._sink = source, sink
        self._now = now
        self._room: answers.Room | None = None
        self._waiting: dict[int, answers.Waiter] = {}
        self._buffer = b""

    def run(self) -> None:
        """Until stdin ends or stdout is gone."""
        try:
            while self._requests(self._pause_s()):
                self._poll()
        except BrokenPipeError:
            return  # the core is gone
        finally:
            if self._room is not None:
                self._room.watch.close()

    def _pause_s(self) -> float:
        if self._room is None:
            return 3600.0
        if self._room.has_work():
            return 0.0
        return BUSY_S if self._waiting or self._room.busy(self._now()) else IDLE_S

    def _requests(self, pause_s: float) -> bool:
        ready, _, _ = select.select([self._source], [], [], pause_s)
        if not ready:
            return True
        data = os.read(self._source, 1 << 16)
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._request(json.loads(line))
        return bool(data)

    def _request(self, request: dict[str, Any]) -> None:
        number, do = request.pop("id"), request.pop("do")
        try:
            if do == "watch":
                redact.use(bytes.fromhex(request.pop("redact", "")))
                self._room = answers.Room(watch.Watch(**request))
                self._room.poll(self._now())
                answer: dict[str, Any] | None = {}
            elif do == "forget":
                self._waiting.pop(request["of"], None)
                answer = {}
            elif self._room is None:
                raise errors.Unsupported("The first request is `watch`.")
            else:
                answer = self._ask(self._room, number, do, request)
        except errors.MrError as error:
            self._refuse(number, error)
        except OSError as error:
            self._refuse(number, generation.failure("A log file", error))
        else:
            if answer is not None:
                self._answer(number, answer)

    def _ask(
        self, room: answers.Room, number: int, do: str, request: dict[str, Any]
    ) -> dict[str, Any] | None:
        now = self._now()
        if do == "page":
            waiter = room.waiter(request, now)
            answer = waiter.try_now(now, first=True)
            if answer is None:
                self._waiting[number] = waiter
            return answer
        if do not in answers.PLAIN:
            raise errors.Unsupported(f"There is no request {do!r}.")
        return answers.PLAIN[do](room, now, **request)

    def _poll(self) -> None:
        if self._room is None:
            return
        now = self._now()
        self._room.poll(now)
        for number, waiter in list(self._waiting.items()):
            try:
                answer = waiter.try_now(now)
            except errors.MrError as error:
                del self._waiting[number]
                self._refuse(number, error)
                continue
            except OSError as error:
                del self._waiting[number]
                self._refuse(number, generation.failure("A log file", error))
                continue
            if answer is not None:
                del self._waiting[number]
                self._answer(number, answer)
        self._room.work(SLICE_S)

    def _answer(self, number: int, value: dict[str, Any]) -> None:
        self._write({"id": number, "ok": value})

    def _refuse(self, number: int, error: errors.MrError) -> None:
        what = {"code": error.code, "sentence": error.sentence, "fix": error.fix}
        self._write({"id": number, "error": what})

    def _write(self, value: dict[str, Any]) -> None:
        data = memoryview(json.dumps(value, separators=(",", ":")).encode() + b"\n")
        while data:
            data = data[os.write(self._sink, data) :]
