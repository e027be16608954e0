"""The contract of a sandbox, as tests that any provider runs against itself."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar

from seqswe import plugins
from seqswe.errors import RolloutError
from seqswe.sandbox import (
    Checkout,
    Environment,
    Limits,
    ModelAccess,
    Sandbox,
    SandboxProvider,
    SandboxSpec,
)

FILES = {"README": b"contract\n", "house/__init__.py": b"", "house/door.py": b"OPEN = True\n"}
"""The checkout that the contract works in; small enough to be made anew for each test."""
BEAT = "while :; do date +%s%N > {name}; sleep 0.05; done"
"""A process that can be seen to live."""
ASK = """
import socket, sys
end = socket.create_connection((sys.argv[1], int(sys.argv[2])))
end.sendall(b"hello")
print(end.recv(5).decode())
"""
PINNED = {"TZ": "UTC", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


class SandboxContract:
    """Every provider's contract; subclass it in a test module and set `sandbox`.

    Each test gets a temporary folder (pytest's `tmp_path`) and opens its own sandbox.
    """

    sandbox: ClassVar[str] = ""
    """Entry-point name or `module:attribute`."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Options of the factory."""
    environment: ClassVar[Environment] = Environment(
        key="contract",
        python="{}.{}".format(*sys.version_info[:2]),
        requirements=("pytest>=8",),
    )
    """What is installed in it; git, a shell and Python are enough."""

    @contextmanager
    def provider(self) -> Iterator[SandboxProvider]:
        """A provider, closed afterwards."""
        provider: SandboxProvider = plugins.build("sandbox", self.sandbox, **self.options)
        try:
            yield provider
        finally:
            provider.close()

    @contextmanager
    def opened(self, folder: Path, **limits: Any) -> Iterator[Sandbox]:
        """A fresh sandbox of the contract's checkout, closed afterwards."""
        with self.provider() as provider:
            yield provider.open(self.spec(folder, **limits))

    def spec(self, folder: Path, **limits: Any) -> SandboxSpec:
        """What to open: a new repository of one commit below `folder`."""
        limits = {"memory_mb": 512, "disk_mb": 64, "pids": 64, **limits}
        return SandboxSpec(
            environment=self.environment,
            checkout=one_commit(Path(mkdtemp(dir=folder))),
            limits=Limits(**limits),
            labels={"run": "contract", "task": "contract"},
        )

    def test_reaches_a_model_if_it_says_so(self, tmp_path: Path) -> None:
        """What is said at its `model_url` comes to the socket, and the answer comes back."""
        with self.provider() as provider, echo() as access:
            if not getattr(provider, "reaches_models", False):
                return
            box: Any = provider.open(replace(self.spec(tmp_path), model=access))
            done = box.run(["python3", "-c", ASK, *box.model_url[len("http://") :].split(":")])
            assert done.stdout == b"hello\n", done.stderr
            alone: Any = provider.open(self.spec(tmp_path))
            assert not alone.model_url

    def test_has_the_protocol(self, tmp_path: Path) -> None:
        """Provider and sandbox have their methods; preparing again gives the same digest."""
        with self.provider() as provider:
            assert isinstance(provider, SandboxProvider)
            digest = provider.prepare(self.environment)
            assert digest
            assert provider.prepare(self.environment) == digest
            assert isinstance(provider.open(self.spec(tmp_path)), Sandbox)

    def test_runs_commands(self, tmp_path: Path) -> None:
        """Exit code, both outputs and the time come back; a string is for the shell."""
        with self.opened(tmp_path) as box:
            done = box.run("echo out; echo err >&2; exit 3")
            assert (done.exit_code, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
            assert not done.ok
            assert not done.timed_out
            assert 0 < done.seconds < 60
            assert box.run(["printf", "%s|", "$HOME", "a b", "*"]).text == "$HOME|a b|*|"
            assert box.run("echo $((6 * 7))").text == "42\n"
            assert box.run(["no-such-program"]).exit_code == 127
            assert box.run("kill -9 $$").exit_code == 137, "a signal is 128 + its number"
            assert box.run(["printf", "\\377\\000"]).stdout == b"\xff\x00"

    def test_feeds_stdin(self, tmp_path: Path) -> None:
        """Standard input is what was given, bytes and all; without any it is empty."""
        data = bytes(range(256)) * 1000
        with self.opened(tmp_path) as box:
            assert box.run(["cat"], stdin=data).stdout == data
            assert box.run("wc -c", stdin=b"").text.strip() == "0"
            assert box.run("cat; echo end").text == "end\n"
            assert box.run("true", stdin=data).ok, "a command need not read its input"

    def test_pins_the_environment(self, tmp_path: Path) -> None:
        """Variables that decide results are pinned, given ones are set, the host's are not."""
        os.environ["SEQSWE_CONTRACT_SECRET"] = "of the host"
        try:
            with self.opened(tmp_path) as box:
                seen = _environment(box.run("env -0", env={"GIVEN": "a b\nc", "TZ": "Asia/Tokyo"}))
                plain = _environment(box.run("env -0"))
        finally:
            del os.environ["SEQSWE_CONTRACT_SECRET"]
        assert {name: plain.get(name) for name in PINNED} == PINNED
        assert "SEQSWE_CONTRACT_SECRET" not in plain
        assert (seen["GIVEN"], seen["TZ"]) == ("a b\nc", "Asia/Tokyo")
        assert "GIVEN" not in plain, "variables are for one command"

    def test_shows_the_checkout(self, tmp_path: Path) -> None:
        """The working directory is a clean checkout whose source can be imported."""
        with self.opened(tmp_path) as box:
            assert box.run("pwd").text.strip() == box.root
            for name, data in FILES.items():
                assert box.read(name) == data
            assert box.run("git status --porcelain").stdout == b""
            assert box.run("git log --format=%s").text == "contract\n"
            assert box.run("cd / && python -c 'import house.door; print(house.door.OPEN)'").ok
            assert box.run("touch new && mkdir d && git add -A && git commit -qm mine").ok

    def test_reads_and_writes(self, tmp_path: Path) -> None:
        """Files come back as they were written, in new folders too, wherever they lie."""
        data = bytes(range(256)) * 4000
        with self.opened(tmp_path, output_bytes=2_000_000) as box:
            for path in ("new/deep/'a name' of ünusual letters", "-dash"):
                box.write(path, data)
                assert box.read(path) == data
            box.write(f"{box.root}/-dash", b"")
            assert box.read("-dash") == b"", "a file is replaced"
            for missing in ("none/none", "house"):
                assert _raises(FileNotFoundError, box.read, missing), f"{missing} is no file"
            box.run("head -c 3000000 /dev/zero > huge")
            assert _raises(RolloutError, box.read, "huge"), "half a file must not be read"

    def test_ends_late_commands(self, tmp_path: Path) -> None:
        """A command past its deadline has exit code 124, and nothing of it lives on."""
        with self.opened(tmp_path, command_seconds=20) as box:
            started = time.monotonic()
            beat = BEAT.format(name="beat")
            done = box.run(f"echo said; setsid sh -c '{beat}' & sleep 60", timeout=1)
            assert (done.exit_code, done.timed_out) == (124, True)
            assert done.stdout == b"said\n", "what it said before is kept"
            assert time.monotonic() - started < 15
            seen = box.read("beat")
            time.sleep(0.3)
            assert box.read("beat") == seen, "the process is still running"
            assert box.run("exit 124").timed_out is False, "an exit code is no deadline"

    def test_truncates_output(self, tmp_path: Path) -> None:
        """Output beyond the limit is dropped, and said so, without ending the command."""
        with self.opened(tmp_path, output_bytes=1000) as box:
            done = box.run("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; exit 5")
            assert (len(done.stdout), len(done.stderr)) == (1000, 1000)
            assert (done.exit_code, done.truncated) == (5, True)
            exact = box.run("head -c 1000 /dev/zero")
            assert (len(exact.stdout), exact.truncated) == (1000, False)

    def test_keeps_the_budget(self, tmp_path: Path) -> None:
        """All commands together take `task_seconds` at most; after that none is run."""
        with self.opened(tmp_path, task_seconds=1.5) as box:
            started = time.monotonic()
            done = box.run("sleep 60")
            assert done.timed_out, "a command may not take more than what is left"
            assert time.monotonic() - started < 15
            caught = _raises(RolloutError, box.run, "true")
            assert caught is not None
            assert caught.cause == "agent_out_of_budget"

    def test_ends_processes(self, tmp_path: Path) -> None:
        """Every process can be ended at once, and commands run afterwards as before."""
        with self.opened(tmp_path) as box:
            beat = BEAT.format(name="beat")
            box.run(f"setsid sh -c '{beat}' >&- 2>&- & until [ -s beat ]; do sleep 0.01; done")
            box.end_processes()
            seen = box.read("beat")
            time.sleep(0.3)
            assert box.read("beat") == seen, "a process is still running"
            assert box.run(["git", "cat-file", "-e", "HEAD"]).ok
            assert box.run(["ls", f"{box.objects}/pack"]).ok, "`objects` is where the packs are"

    def test_closes(self, tmp_path: Path) -> None:
        """Closing twice is safe, and a closed sandbox runs nothing."""
        with self.opened(tmp_path) as box:
            box.close()
            box.close()
            caught = _raises(RolloutError, box.run, "true")
            assert caught is not None
            assert caught.cause == "sandbox_failed"

    def test_closing_ends_what_runs(self, tmp_path: Path) -> None:
        """Closing from another thread ends a running command; a closed provider opens no more."""
        with self.provider() as provider, ThreadPoolExecutor(1) as pool:
            box = provider.open(self.spec(tmp_path))
            running = pool.submit(box.run, "sleep 60")
            time.sleep(0.5)
            started = time.monotonic()
            provider.close()
            error = running.exception(timeout=30)
            assert isinstance(error, RolloutError) or not running.result().ok
            assert time.monotonic() - started < 20
            assert _raises(RolloutError, provider.open, self.spec(tmp_path))

    def test_isolates_if_it_says_so(self, tmp_path: Path) -> None:
        """No network and no file of the host, where the provider claims to isolate."""
        (tmp_path / "secret").write_text("of the host")
        connect = "import socket; socket.create_connection(('192.0.2.1', 9), 3)"
        with self.provider() as provider:
            if not provider.isolates:
                return
            box = provider.open(self.spec(tmp_path))
            assert box.run(["cat", str(tmp_path / "secret")]).exit_code == 1
            assert box.run("ls /sys/class/net").text.split() == ["lo"]
            assert b"unreachable" in box.run(["python", "-c", connect]).stderr


class _Local(SandboxContract):
    sandbox = "local"


@contextmanager
def local_sandboxes(folder: Path) -> Iterator[Callable[[], Sandbox]]:
    """What opens fresh sandboxes of a small checkout on this machine, for `check_agent`.

    They isolate nothing. folder: a temporary one.
    """
    contract = _Local()
    with contract.provider() as provider:
        yield lambda: provider.open(contract.spec(folder))


def one_commit(folder: Path, files: Mapping[str, bytes] = FILES) -> Checkout:
    """A checkout of some files in one commit, and the pack that holds it, below `folder`."""
    source, objects = folder / "source", folder / "objects"
    (objects / "pack").mkdir(parents=True)
    for name, data in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    _git(source, "init", "-q", "-b", "main", ".")
    _git(source, "add", "-A", "-f")
    _git(source, "commit", "-q", "-m", "contract")
    _git(source, "pack-objects", "-q", "--all", "--revs", str(objects / "pack" / "pack"))
    names = sorted(_git(source, "rev-list", "--objects", "--no-object-names", "main").split())
    listing = "".join(f"{name}\n" for name in names).encode()
    return Checkout(
        commit=_git(source, "rev-parse", "main").strip(),
        objects=objects,
        digest=sha256(listing).hexdigest(),
        count=len(names),
    )


def _git(folder: Path, *arguments: str) -> str:
    identity = {f"GIT_{who}_{what}": "contract" for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")}  # fmt: skip
    clean = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **identity}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **clean},
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return done.stdout


def _environment(done: Any) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in done.text.split("\0") if entry)


def _raises(kind: type[Exception], function: Any, *arguments: Any) -> Any:
    """The error of this kind that a call raises, or None; `pytest.raises` without pytest."""
    try:
        function(*arguments)
    except kind as error:
        return error
    return None


@contextmanager
def echo() -> Iterator[ModelAccess]:
    """A socket that answers each connection with what it says, in place of the gateway's."""
    folder = Path(mkdtemp())
    folder.chmod(0o755)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "s"))
    (folder / "s").chmod(0o666)
    listener.listen()

    def serve() -> None:
        with suppress(OSError):
            while True:
                end, _ = listener.accept()
                with end:
                    end.sendall(end.recv(100))

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield ModelAccess(socket=folder / "s", waited=lambda: 0.0)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        shutil.rmtree(folder)
