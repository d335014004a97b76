"""Plays each hostile program against the python tool and tells whether it got what it was after.

    python stage.py < config.json      {"path": [...], "monty": PATH, "timeout": 2.0, "programs": [...]}

To be run as an unprivileged user on Linux. For each program there is a process of the agent (`host.py`) with secrets in its memory,
environment and descriptors, files and another process of the same user, and listeners on loopback. A line of JSON a program:
its name, and why it counts as not contained (an empty list: contained).
"""

import contextlib
import ctypes
import json
import os
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NEXT = "#--- NEXT RUN ---"
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p

Process = tuple[int, str, int]
"""Parent, state, resident bytes."""


def processes() -> dict[int, Process]:
    found = {}
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            text = Path(f"/proc/{int(entry)}/stat").read_text()
            fields = text[text.rindex(")") + 2 :].split()
            found[int(entry)] = (int(fields[1]), fields[0], int(fields[21]) * 4096)
    return found


def tree(root: int, table: Mapping[int, Process]) -> list[int]:
    """A process and all that come from it, those that have ended left out."""
    known, grew = {root}, True
    while grew:
        more = {pid for pid, (parent, _, _) in table.items() if parent in known and pid not in known}
        known, grew = known | more, bool(more)
    return [pid for pid in known if pid in table and table[pid][1] != "Z"]


class Listeners:
    """Sockets that nothing may reach; `reached` says which were."""

    def __init__(self) -> None:
        self.reached: set[str] = set()
        self.abstract = f"stage-{secrets.token_hex(6)}"
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        unix = socket.socket(socket.AF_UNIX)
        unix.bind("\0" + self.abstract)
        unix.listen(8)
        for name, listener in (("tcp", tcp), ("abstract", unix)):
            threading.Thread(target=self._accept, args=(name, listener), daemon=True).start()

    def _accept(self, name: str, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            self.reached.add(name)
            connection.close()


class Peaks:
    """The most that a process and its children have used, looked at every few hundredths of a second."""

    def __init__(self, pid: int, folder: Path) -> None:
        self.pid, self.folder = pid, folder
        self.before = set(tree(pid, processes()))
        self.values = {"tree_rss_mb": 0, "procs": 0, "fds": 0, "disk_mb": 0}

    def look(self) -> None:
        table = processes()
        alive = tree(self.pid, table)
        self._raise("tree_rss_mb", sum(table[pid][2] for pid in alive) >> 20)
        self._raise("procs", len(set(alive) - self.before))
        for pid in alive:
            with contextlib.suppress(OSError):
                self._raise("fds", len(os.listdir(f"/proc/{pid}/fd")))
        sizes = 0
        for path in self.folder.rglob("*"):
            with contextlib.suppress(OSError):
                sizes += path.lstat().st_blocks * 512
        self._raise("disk_mb", sizes >> 20)

    def _raise(self, name: str, value: int) -> None:
        self.values[name] = max(self.values[name], value)


@contextlib.contextmanager
def shared_memory(secret: str) -> Iterator[int]:
    """A System V segment that holds a secret."""
    key = 0x5A000000 + secrets.randbelow(1 << 24)
    segment = LIBC.shmget(key, 4096, 0o1600)
    address = LIBC.shmat(segment, None, 0)
    ctypes.memmove(address, secret.encode(), len(secret))
    try:
        yield key
    finally:
        LIBC.shmdt(ctypes.c_void_p(address))
        LIBC.shmctl(segment, 0, None)


class Stage:
    """Files, processes and secrets around one program."""

    def __init__(self, stack: contextlib.ExitStack, listeners: Listeners, config: Mapping[str, Any]) -> None:
        self.config, self.listeners = config, listeners
        self.folder = Path(tempfile.mkdtemp(prefix="stage-", dir="/var/tmp"))
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.run_id = secrets.token_hex(6)
        names = ("FILE", "ENV", "FD", "MEM", "SHM", "SYSV", "CMD", "DIRNAME", "USERSITE")
        self.secrets = {name: f"{name}-{secrets.token_hex(12)}" for name in names} | {"POISON": f"POISON-{self.run_id}"}
        self.site = self.folder / "home/.local/lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
        for path in (
            self.folder / "home/.ssh",
            self.folder / "outside",
            self.folder / "cwd",
            self.site,
            self.folder / "home" / self.secrets["DIRNAME"],
        ):
            path.mkdir(parents=True, exist_ok=True)
        (self.folder / "home/.ssh/id_canary").write_text(self.secrets["FILE"])
        (self.folder / "home/notes.txt").write_text("precious")
        (self.site / "evil_user_site.py").write_text(f"print({self.secrets['USERSITE']!r})")
        self.shm = Path("/dev/shm") / f"can_{self.run_id}"
        self.shm.write_text(self.secrets["SHM"])
        stack.callback(self.shm.unlink, missing_ok=True)
        self.key = stack.enter_context(shared_memory(self.secrets["SYSV"]))
        self.victim = stack.enter_context(
            _ended(subprocess.Popen([sys.executable, "-I", "-c", "import time; time.sleep(120)", self.secrets["CMD"]]))
        )
        self.host = stack.enter_context(_ended(self._start_host()))

    def _start_host(self) -> "subprocess.Popen[str]":
        secret = self.folder / "descriptor"
        secret.write_text(self.secrets["FD"])
        descriptor = os.open(secret, os.O_RDONLY)
        secret.unlink()
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder / "home"),
            "AGENTKIT_API_KEY": self.secrets["ENV"],
            "LANG": "C.UTF-8",
        }
        command = [sys.executable, str(HERE / "host.py")]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        return subprocess.Popen(command, cwd=self.folder / "cwd", env=environment, pass_fds=[descriptor], start_new_session=True, **pipes)

    def code(self, text: str) -> str:
        """The program with the places and numbers of this stage."""
        values = {
            "HOME": self.folder / "home",
            "OUT": self.folder / "outside",
            "CWD": self.folder / "cwd",
            "HPID": self.host.pid,
            "PORT": self.listeners.port,
            "ABS": self.listeners.abstract,
            "SHM": self.shm,
            "SHMKEY": self.key,
            "RID": self.run_id,
        }
        for name, value in values.items():
            text = text.replace(f"@@{name}@@", str(value))
        return text

    def play(self, program: Mapping[str, Any]) -> list[str]:
        """Run a program; why it counts as not contained."""
        self.listeners.reached.clear()
        steps = self.code(program["code"]).split(NEXT)
        self._send(
            json.dumps(
                {
                    "memory": self.secrets["MEM"],
                    "path": self.config["path"],
                    "monty": self.config["monty"],
                    "steps": steps,
                    "timeout": self.config["timeout"],
                }
            )
        )
        ready = self._hear(60, lambda: None)
        if not ready or not ready["warm"]:
            return ["the tool did not work before the program ran"]
        peaks = Peaks(self.host.pid, self.folder)
        self._send("go")
        result = self._hear(len(steps) * self.config["timeout"] + 6, peaks.look)
        if result is None:
            return ["the agent's process died or hung"]
        time.sleep(0.6 if "alive" in program["success"] else 0.05)
        return list(self._verdict(program["success"], result, peaks))

    def _send(self, line: str) -> None:
        assert self.host.stdin is not None
        with contextlib.suppress(OSError):
            print(line, file=self.host.stdin, flush=True)

    def _hear(self, seconds: float, meanwhile: Callable[[], None]) -> dict[str, Any] | None:
        assert self.host.stdout is not None
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.host.stdout], [], [], 0.04)[0]:
                line = self.host.stdout.readline()
                return json.loads(line) if line else None
            meanwhile()
        return None

    def _verdict(self, success: Mapping[str, Any], result: Mapping[str, Any], peaks: Peaks) -> Iterator[str]:
        output = result["output"]
        if "leak" in success and self.secrets[success["leak"]] in output:
            yield f"leaked {success['leak']}"
        if "file" in success and os.path.lexists(self.folder / success["file"]):
            yield "wrote a file"
        if success.get("connect") in self.listeners.reached:
            yield f"connected to {success['connect']}"
        if success.get("signal") and (result["signalled"] or self.host.poll() is not None):
            yield "sent a signal"
        if "victim_file" in success and (self.folder / "home/notes.txt").read_text() != "precious":
            yield "changed a file"
        if "wall_s" in success and result["seconds"] > self.config["timeout"] + success["wall_s"]:
            yield f"ran for {result['seconds']:.1f} seconds"
        if success.get("alive") and (left := set(tree(self.host.pid, processes())) - peaks.before):
            yield f"left processes {sorted(left)}"
        yield from (f"{name} {value}" for name, value in peaks.values.items() if value > success.get(name, value))
        if result["memory_mb"] > success.get("parent_rss_mb", 10**6):
            yield f"filled the agent's memory: {result['memory_mb']} MB"
        if len(output) > success.get("out_mb", 1000) << 20:
            yield "flooded the output"
        yield from (f"printed {raw!r}" for raw in success.get("raw", ()) if raw in output)


@contextlib.contextmanager
def _ended(process: "subprocess.Popen[Any]") -> Iterator["subprocess.Popen[Any]"]:
    """End a process and all that came from it."""
    try:
        yield process
    finally:
        for pid in tree(process.pid, processes()):
            with contextlib.suppress(OSError):
                os.kill(pid, 9)
        process.kill()
        process.communicate()


def main() -> None:
    config = json.load(sys.stdin)
    listeners = Listeners()
    for program in config["programs"]:
        with contextlib.ExitStack() as stack:
            why = Stage(stack, listeners, config).play(program)
        print(json.dumps({"name": program["name"], "why": why}), flush=True)


if __name__ == "__main__":
    main()
