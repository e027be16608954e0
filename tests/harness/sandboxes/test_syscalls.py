"""What a container may ask of the kernel: the exotic is refused, and what tests need works."""

import json
import platform

import pytest

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of this machine's calls"),
]
REFUSED = {
    "a socket to the hypervisor": "socket(40, 1, 0)",
    "one whose family has more bits than the kernel reads": "socket(40 | 1 << 32, 1, 0)",
    "a socket to the kernel's ciphers": "socket(38, 5, 0)",
    "a raw socket of the network": "socket(17, 3, 0)",
    "Bluetooth": "socket(31, 3, 1)",
    "TIPC": "socket(30, 1, 0)",
    "a pair of TIPC sockets": "call(53, 30, 1, 0, (ctypes.c_int * 2)())",
    "SCTP": "socket(2, 1, 132)",
    "MPTCP": "socket(2, 1, 262)",
    "netlink to the firewall": "socket(16, 3, 12)",
    "generic netlink": "socket(16, 3, 16)",
    "netlink to events of devices": "socket(16, 3, 15)",
    "io_uring": "call(425, 8, ctypes.create_string_buffer(120))",
    "tracing itself": "call(101, 0, 0, 0, 0)",
    "tracing a child": "call(101, 0x4206, child(), 0, 0)",
    "reading another process": "call(310, child(), 0, 0, 0, 0, 0)",
    "writing another process": "call(311, child(), 0, 0, 0, 0, 0)",
    "comparing two processes": "call(312, os.getpid(), os.getpid(), 0, 0, 0)",
    "a file of another process": "call(438, os.pidfd_open(os.getpid()), 0, 0)",
    "page faults": "call(323, 1)",
    "bpf": "call(321, 0, 0, 0)",
    "the keyring": "call(250, 0, -3 & 0xFFFFFFFF, 1)",
    "a new key": "call(248, b'user', b'name', b'x', 1, -3 & 0xFFFFFFFF)",
    "performance events": "call(298, ctypes.create_string_buffer(128), 0, -1, -1, 0)",
    "a user namespace": "call(272, 0x10000000)",
    "all that the main process left": "call(272, 0x12000080)",
    "a child in a user namespace": "call(56, 0x10000011, 0, 0, 0, 0)",
    "a child by a structure": "call(435, ctypes.create_string_buffer(88), 88)",
    "another's namespace": "call(308, os.open('/proc/self/ns/net', 0), 0)",
    "a mount": "call(165, b'none', b'/tmp', b'tmpfs', 0, 0)",
    "a mount by file handle": "call(430, b'tmpfs', 0)",
    "a file by its handle": "call(304, -100 & 0xFFFFFFFF, ctypes.create_string_buffer(136), 0)",
    "segments of memory": "call(154, 0, ctypes.create_string_buffer(64), 64)",
    "secret memory": "call(447, 0)",
    "the page cache": "call(451, os.open('/usr/bin/env', 0), (ctypes.c_ulong * 2)(),"
    " (ctypes.c_ulong * 5)(), 0)",
    "all events of files": "call(300, 0, 0)",
    "memory policies": "call(239, 0, 0, 0, 0, 0)",
    "another personality": "call(135, 0x0040000)",
    "the kernel's log": "call(103, 10, 0, 0)",
}
TRY = """
import ctypes, errno, json, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)

def call(*arguments):
    wide = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    done = libc.syscall(*wide)
    return "allowed" if done >= 0 else errno.errorcode[ctypes.get_errno()]

def socket(*arguments):
    return call(41, *arguments)

def child():
    number = os.fork()
    if not number:
        time.sleep(5)
        os._exit(0)
    return number

def tried(code):
    out, back = os.pipe()
    if not os.fork():
        os.write(back, eval(code).encode())
        os._exit(0)
    os.close(back)
    said = os.read(out, 100).decode() or "killed"
    os.close(out)
    return said

print(json.dumps({name: tried(code) for name, code in json.load(sys.stdin).items()}))
"""
OLD_WAY = """
import ctypes, mmap
code = bytes.fromhex("b866000000" "bb01000000" "b900000000" "cd80" "c3")  # socketcall(1, 0), 32 bit
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(code)
print(ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())
"""
NEEDED = {
    "TCP, both ways": """
import socket
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    server = socket.create_server((host, 0), family=family)
    socket.create_connection(server.getsockname()[:2]).sendall(b"x")
    assert server.accept()[0].recv(1) == b"x"
""",
    "UDP": """
import socket
a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "ab")
a.bind(("127.0.0.1", 0))
b.sendto(b"x", a.getsockname())
assert a.recv(1) == b"x"
""",
    "Unix sockets": """
import array, socket
server = socket.socket(socket.AF_UNIX)
server.bind("/tmp/s")
server.listen()
client = socket.socket(socket.AF_UNIX)
client.connect("/tmp/s")
a, b = socket.socketpair()
socket.send_fds(a, [b"x"], [0])
assert socket.recv_fds(b, 1, 1)[0] == b"x"
""",
    "names and interfaces": """
import socket
assert [name for _, name in socket.if_nameindex()] == ["lo"]
assert socket.getaddrinfo("localhost", 80)
""",
    "processes": """
import multiprocessing, subprocess
if __name__ == "__main__":
    for way in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(way).Pool(2) as pool:
            assert pool.map(abs, [-1, -2]) == [1, 2]
    assert subprocess.run(["setsid", "true"]).returncode == 0
""",
    "asyncio": """
import asyncio
async def main():
    process = await asyncio.create_subprocess_exec("echo", "x", stdout=-1)
    assert (await process.communicate())[0] == b"x\\n"
    await asyncio.to_thread(sum, [1])
asyncio.run(main())
""",
    "threads, locks and shared memory": """
import fcntl, sqlite3, threading
from multiprocessing import shared_memory
[t.start() or t.join() for t in [threading.Thread(target=print) for _ in range(3)]]
shared_memory.SharedMemory("x", True, 10).unlink()
base = sqlite3.connect("/tmp/x.db")
base.execute("pragma journal_mode=wal")
base.execute("create table t (x)")
fcntl.flock(open("/tmp/l", "w"), fcntl.LOCK_EX)
""",
    "waiting for things": """
import ctypes, os, select, signal
os.eventfd(0), select.epoll(), os.pidfd_open(os.getpid())
libc = ctypes.CDLL(None)
assert min(libc.inotify_init1(0), libc.timerfd_create(1, 0), libc.signalfd(-1, bytes(128), 0)) > 0
signal.setitimer(signal.ITIMER_REAL, 10)
""",
    "files": """
import os, shutil
open("/tmp/a", "wb").write(b"x" * 100)
shutil.copytree("/usr/share/doc", "/tmp/doc", symlinks=True)
os.mkfifo("/tmp/fifo"), os.memfd_create("m"), os.sched_setaffinity(0, os.sched_getaffinity(0))
a, b = open("/tmp/a", "rb"), open("/tmp/b", "wb")
os.posix_fallocate(b.fileno(), 0, 100), os.copy_file_range(a.fileno(), b.fileno(), 10)
os.sendfile(b.fileno(), a.fileno(), 0, 10)
""",
}


def test_what_no_test_needs_is_refused(box):
    done = box.run(["python3", "-c", TRY], stdin=json.dumps(REFUSED).encode())
    assert done.ok, done.stderr
    said = json.loads(done.stdout)
    assert {name: said[name] for name in said if said[name] not in ("EPERM", "ENOSYS")} == {}


def test_calls_of_another_architecture_are_refused(box):
    done = box.run(["python3", "-c", OLD_WAY])
    assert done.exit_code == 159 or done.text.strip() == "-1", done


@pytest.mark.parametrize("code", NEEDED.values(), ids=NEEDED)
def test_what_tests_and_agents_need_works(box, code):
    box.write("/tmp/needed.py", code.encode())
    done = box.run(["python3", "/tmp/needed.py"])
    assert done.ok, done.stderr.decode()


def test_git_and_the_shell_work(box):
    done = box.run(
        "git clone -q . /tmp/clone && cd /tmp/clone && git gc -q && git log --oneline | wc -l &&"
        " tar cf /tmp/x.tar . && find . -type f | xargs -P 2 -n 50 sha256sum | sort | tail -1 &&"
        " timeout 5 sh -c 'trap : TERM; sleep 0.1 & wait'"
    )
    assert done.ok, done.stderr
