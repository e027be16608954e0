"""Agents that go on changing their patch while it is collected: what they left counts."""

import pytest

from harness.grading import collect_patch

EVIL = """
import ctypes, glob, os, signal, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
how, what = sys.argv[1:3]

def collecting():
    # processes of a collection, if it has begun
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open("/proc/" + name + "/cmdline", "rb").read()
        except OSError:
            continue
        if command.startswith(b"git\0") or b"diff-index" in command:
            found.append(int(name))
    return found or glob.glob("/tmp/*/HEAD")

def act(new):
    if what == "write":
        open("/testbed/late.py", "w").write("late = 1\\n")
    elif what == "index":
        for folder in glob.glob("/tmp/*/HEAD"):
            open(os.path.dirname(folder) + "/index", "w").write("broken")
    elif what == "config":
        for folder in glob.glob("/tmp/*/HEAD"):
            with open(os.path.dirname(folder) + "/config", "a") as config:
                config.write("[core]\\n bare = true\\n")
    elif what == "trace":
        for name in new:
            if isinstance(name, int) and libc.ptrace(16, name, 0, 0) == 0:
                os._exit(0)  # what it traced stays stopped
    elif what == "kill":
        os.kill(-1, signal.SIGSTOP)

def watch():
    until = time.time() + 60
    while time.time() < until:
        new = collecting()
        if new:
            act(new)
            return

def detach():
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    for fd in range(3):
        os.close(fd)

detach()
if how == "undumpable":
    libc.prctl(4, 0, 0, 0, 0)
elif how == "deaf":
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
elif how == "idle":
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
elif how == "named git":
    libc.prctl(15, b"git", 0, 0, 0)
elif how == "pair":
    os.fork()  # each outlives the other
elif how == "threads":
    for _ in range(5):
        threading.Thread(target=watch).start()
elif how == "many":
    for _ in range(4):
        os.fork()
elif how == "chain":  # always a process that is just being started
    until = time.time() + 60
    while time.time() < until and not glob.glob("/tmp/*/HEAD"):
        if os.fork():
            os._exit(0)
        time.sleep(0.001)
elif how == "tracer":  # a process that is traced by another
    child = os.fork()
    if child == 0:
        libc.ptrace(0, 0, 0, 0)
elif how == "stopped":
    if os.fork():
        os.kill(os.getpid(), signal.SIGSTOP)
elif how == "namespace":
    libc.unshare(0x10000000 | 0x20000000)
    os.fork()
elif how == "inotify":
    watched = libc.inotify_init()
    libc.inotify_add_watch(watched, b"/tmp", 0x100)
    os.read(watched, 4096)
elif how == "socket":
    import socket
    server = socket.socket(socket.AF_UNIX)
    server.bind("/tmp/socket")
    server.listen()
watch()
"""
EVIL_WAYS = (
    *("setsid", "undumpable", "deaf", "idle", "named git", "pair", "threads", "many", "chain"),
    *("tracer", "stopped", "namespace", "inotify", "socket"),
)
LIVING = {
    **{how: f"python /tmp/evil.py '{how}' write" for how in EVIL_WAYS},
    "breaks the index": "python /tmp/evil.py setsid index",
    "breaks the configuration": "python /tmp/evil.py undumpable config",
    "traces who comes": "python /tmp/evil.py many trace",
    "stops who comes": "python /tmp/evil.py deaf kill",
    "a loop of the shell": "(trap '' TERM HUP INT; setsid sh -c 'while [ ! -e /tmp/*/HEAD ]; do :; "
    "done; echo 1 > /testbed/late.py' >&- 2>&- &)",
    "nohup": "nohup sh -c 'until ls /tmp/*/HEAD; do :; done; echo 1 > late.py' >/dev/null 2>&1 &",
}
"""Processes that wait for the collection, and then change what it works on."""
LYING = {
    "git of its own": "mkdir -p ~/bin ~/.local/bin; printf '#!/bin/sh\\necho forged\\n' | "
    "tee ~/bin/git ~/.local/bin/git ~/.local/bin/python3 ~/.local/bin/sh; chmod +x ~/bin/* "
    "~/.local/bin/*; echo 'PATH=~/bin:~/.local/bin:$PATH' | tee ~/.profile ~/.bashrc ~/.env",
    "preloaded library": "echo 'export LD_PRELOAD=~/x.so ENV=~/.env' | tee ~/.profile ~/.bash_env",
    "Python at start": "d=~/.local/lib/python3.11/site-packages; mkdir -p $d; "
    "echo 'raise SystemExit(0)' | tee $d/sitecustomize.py $d/usercustomize.py $d/json.py",
    "settings of the user": "git config --global diff.external true; git config --global "
    "core.fsmonitor true; git config --global alias.diff-index '!true'; "
    "git config --global core.excludesFile ~/all; echo '*' > ~/all; mkdir -p ~/.config/git; "
    "echo '*' > ~/.config/git/ignore; echo '* -diff' > ~/.config/git/attributes",
    "filters": "git config filter.x.clean 'echo forged'; git config --global filter.x.clean true; "
    "git config --global filter.x.required true; echo '* filter=x' > .git/info/attributes; "
    "git config --global core.attributesFile ~/a; echo '* filter=x' > ~/a",
    "hooks": "mkdir -p .git/hooks ~/hooks; printf '#!/bin/sh\\nexit 1\\n' | tee "
    ".git/hooks/post-index-change ~/hooks/post-index-change; chmod +x .git/hooks/* ~/hooks/*; "
    "git config --global core.hooksPath ~/hooks",
    "replaced objects": "git replace -f HEAD $(git commit-tree HEAD^{tree} -m x) || true",
    "an index of its own": "rm -f .git/index; mkfifo .git/index",
    "alternates": "rm .git/objects/info/alternates; mkfifo .git/objects/info/alternates",
    "excludes": "rm -f .git/info/exclude; mkfifo .git/info/exclude",
    "a full temporary folder": "head -c 80000000 /dev/zero > /tmp/full; chmod 000 /tmp/full; true",
    "a temporary folder without rights": "mkdir -p /tmp/d/e; chmod 000 /tmp/d/e /tmp/d /tmp",
    "repository elsewhere": "rm -rf .git; git init -q --bare ~/other; echo gitdir: ~/other > .git",
    "no repository": "rm -rf .git",
    "no rights at all": "rm -rf .git; mkdir .git; chmod 000 .git; chmod 000 ~",
}
"""What lies about, read by a shell, by Python or by git if they look for it."""


@pytest.mark.docker
def test_nothing_that_lives_or_lies_about_changes_a_patch(docker, lay, ledgerlite):
    """All in one container, one after the other, so that later ones meet what earlier ones left."""
    box, base = docker.open(lay()), ledgerlite.instances[0].base_commit
    box.run("echo 'kept = 1' > kept.py; echo '# edited' >> README.md")
    plain = collect_patch(box, base).patch
    assert "kept = 1" in plain
    assert "# edited" in plain
    changed = {}
    for name, program in {**LIVING, **LYING}.items():
        box.run("rm -rf /tmp/* late.py")
        box.write("/tmp/evil.py", EVIL.encode())
        settle = "; sleep 0.2" if name in LIVING else ""
        box.run(program + settle, timeout=20)
        found = collect_patch(box, base)
        if found.patch != plain or found.left_out:
            changed[name] = (found.patch, found.left_out)
    assert not changed
    processes = "cat /proc/[0-9]*/status | grep -c '^Uid:.'$(id -u)"
    assert int(box.run(processes).text) <= 4, "the shell, and what counts"
