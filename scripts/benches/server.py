"""callrelay in a process of its own, and what the system knows of it (Linux: /proc)."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.call import journal

ROOT = Path(__file__).parents[2]
CALLRELAY = [sys.executable, "-c", "from app.cli import main; main()"]
BOOT_S = 60.0
POLL_S = 0.02
KEPT_VARIABLES = ("HOME", "PATH", "XDG_CACHE_HOME")


async def until(condition: Callable[[], Awaitable[bool]], within_s: float, what: str) -> None:
    """Wait for a condition of another process. Raises TimeoutError, which says what did not come about."""
    try:
        async with asyncio.timeout(within_s):
            while not await condition():  # noqa: ASYNC110  what happens elsewhere sets no event here
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise TimeoutError(f"within {within_s:g} s not: {what}") from None


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """For a child: `variables`, and of our own only what says where things are."""
    return {**{name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}, **variables}


@dataclass(frozen=True, slots=True)
class Resources:
    """What a process holds now, and the CPU time that it, and its main thread alone, have used so far."""

    rss_bytes: int
    threads: int
    descriptors: int
    cpu_s: float
    main_thread_cpu_s: float

    @classmethod
    def of(cls, pid: int) -> Resources:
        directory = Path("/proc") / str(pid)
        status = _status(directory)
        return cls(
            rss_bytes=int(status["VmRSS"].split()[0]) * 1024,
            threads=int(status["Threads"]),
            descriptors=len(list((directory / "fd").iterdir())),
            cpu_s=_cpu_s(directory / "stat"),
            main_thread_cpu_s=_cpu_s(directory / "task" / str(pid) / "stat"),
        )


def waits(pid: int) -> int:
    """How often those threads of a process that go on now have begun to wait, and so been woken."""
    times = 0
    for task in (Path("/proc") / str(pid) / "task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended just now
            times += int(_status(task)["voluntary_ctxt_switches"])
    return times


def _status(directory: Path) -> dict[str, str]:
    return dict(line.split(":", 1) for line in (directory / "status").read_text().splitlines())


def _cpu_s(stat: Path) -> float:
    """User and system time, from a file of /proc (proc(5))."""
    times = stat.read_text().rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> Iterator[int]:
    """A process and all that are below it."""
    yield pid
    for child in _children(pid):
        yield from tree(child)


def _children(pid: int) -> list[int]:
    """Those of its threads that go on while they are looked at."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in (Path("/proc") / str(pid) / "task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, (task / "children").read_text().split())
    return found


@dataclass
class ServerProcess:
    """A running `callrelay serve`."""

    process: Process
    url: str
    data_dir: Path
    _http: httpx.AsyncClient = field(repr=False)

    async def get(self, path: str) -> httpx.Response:
        """A request on a connection of its own."""
        return await self._http.get(self.url + path)

    async def is_ready(self) -> bool:
        """Whether it takes calls. Raises RuntimeError with its log when it has ended instead."""
        if self.process.returncode is not None:
            raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log}")
        try:
            return (await self.get("/health/ready")).is_success
        except httpx.TransportError:
            return False

    async def active_calls(self) -> int:
        """How many calls it says are going on."""
        return int((await self.get("/health")).json()["conversationRelay"]["activeSessions"])

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self, within_s: float) -> int:
        """Its exit code. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            return await self.process.wait()

    @property
    def log(self) -> str:
        """All that it has written to stderr."""
        return log_path(self.data_dir).read_text("utf-8", "replace")

    @property
    def resources(self) -> Resources:
        return Resources.of(self.process.pid)

    @property
    def processes(self) -> list[Resources]:
        """Those of itself, and of its workers where it has some."""
        return [Resources.of(pid) for pid in tree(self.process.pid)]

    def events(self, call_sid: str) -> list[dict[str, Any]]:
        """A call's journal so far."""
        path = journal.path_of(self.data_dir, call_sid)
        return list(journal.read(path)) if path.exists() else []


def log_path(data_dir: Path) -> Path:
    return data_dir / "server.log"


@asynccontextmanager
async def serving(
    data_dir: Path,
    variables: Mapping[str, str],
    core: int | None = None,
    command: Sequence[str] = (*CALLRELAY, "serve"),
) -> AsyncIterator[ServerProcess]:
    """A server on a free port, ready for calls; on one core only where one is given. Killed at the end.

    Its log is DATA_DIR/server.log.
    """
    port = free_port()
    own = {"PORT": str(port), "DATA_DIR": str(data_dir), "LOG_FORMAT": "json"}
    with log_path(data_dir).open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environment({**own, **variables}), stderr=log
        )
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(trust_env=False, limits=limits) as http:
        server = ServerProcess(process, f"http://127.0.0.1:{port}", data_dir, http)
        try:
            await until(server.is_ready, BOOT_S, "the server is ready")
            yield server
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
