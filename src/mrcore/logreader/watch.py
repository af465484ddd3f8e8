"""Which files are streams: those of a folder and those that globs name; nothing else is read."""

from __future__ import annotations

import functools
import glob
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath

from mrcore import errors
from mrcore.logreader import follow, generation, text

STREAMS_MAX = 128
LOOK_S = 1.0
GONE_KEPT_S = 60.0
_WILD = frozenset("*?[")


class Watch:
    """The streams by name. `poll` follows all of them and looks for new files once a second.

    A stream is named by `names` or after its file; a second file of the same name gets its
    folder's in front. Files of a folder may come and go; what a path without wildcards names is
    there also while the file is not.
    """

    def __init__(
        self,
        folder: str = "",
        files: Sequence[str] = (),
        names: Mapping[str, str] | None = None,
        patterns: Mapping[str, str] | None = None,
    ) -> None:
        self._patterns = {name: _counter(expr) for name, expr in (patterns or {}).items()}
        self.folder = folder
        self.files = tuple(files)
        self.names = dict(names or {})
        self.streams: dict[str, follow.Stream] = {}
        self.problem: errors.SourceError | None = None
        self.too_many = 0
        self._by_path: dict[str, follow.Stream] = {}
        self._expected: set[str] = set()
        self._looked_at: float | None = None

    def poll(self, now: float) -> None:
        """Look for files when it is time, and follow every stream."""
        first = self._looked_at is None
        if self._looked_at is None or not 0 <= now - self._looked_at < LOOK_S:
            self._looked_at = now
            self._look(from_start=not first)
        for stream in list(self.streams.values()):
            stream.poll(now)
            if self._is_over(stream, now):
                self._drop(stream)

    def close(self) -> None:
        """Give every file back."""
        for stream in list(self.streams.values()):
            self._drop(stream)

    def chosen(self, name: str) -> list[follow.Stream]:
        """The stream of a name, or all for `*`.

        Raises NotFound where there is none.
        """
        if name == "*":
            return list(self.streams.values())
        if name not in self.streams:
            known = ", ".join(sorted(self.streams)) or "none"
            raise errors.NotFound(f"There is no log stream {name!r}; there are: {known}.")
        return [self.streams[name]]

    def _look(self, *, from_start: bool) -> None:
        self.problem = None
        found = [(path, False) for path in self._in_folder()]
        for pattern in self.files:
            if _WILD.intersection(pattern):
                paths = glob.glob(pattern, recursive=True)  # noqa: PTH207 - may be absolute
                found += [(path, True) for path in sorted(paths)]
            else:
                self._expected.add(pattern)
                found.append((pattern, True))
        new = [(path, links) for path, links in found if path not in self._by_path]
        room = max(STREAMS_MAX - len(self.streams), 0)
        self.too_many = max(len(new) - room, 0)
        for path, links in new[:room]:
            if path not in self._by_path:
                name = self._name(path)
                stream = follow.Stream(
                    name, path, links=links, from_start=from_start, patterns=self._patterns
                )
                self.streams[name] = self._by_path[path] = stream

    def _in_folder(self) -> list[str]:
        if not self.folder:
            return []
        try:
            with os.scandir(self.folder) as entries:
                names = sorted(entry.name for entry in entries)
        except OSError as error:
            self.problem = generation.failure(self.folder, error)
            return []
        return [
            str(Path(self.folder) / name)
            for name in names
            if name.endswith(".log") and not name.startswith(".")
        ]

    def _name(self, path: str) -> str:
        pure = PurePath(text.readable(path))
        name = self.names.get(path) or pure.stem
        for parent in pure.parents:
            if name not in self.streams:
                return name
            name = f"{parent.name}/{name}"
        return str(pure)

    def _is_over(self, stream: follow.Stream, now: float) -> bool:
        gone = stream.gone_since is not None and now - stream.gone_since > GONE_KEPT_S
        missing = isinstance(stream.problem, errors.NotFound)
        return gone and missing and stream.path not in self._expected

    def _drop(self, stream: follow.Stream) -> None:
        stream.close()
        del self.streams[stream.name]
        del self._by_path[stream.path]


def _counter(expr: str) -> Callable[[bytes], int]:
    """Counts the lines that fit; RE2 takes time to load, and does so when there are lines."""

    @functools.cache
    def counter() -> Callable[[bytes], int]:
        from mrcore import match

        return match.lines(expr)

    return lambda data: counter()(data)
