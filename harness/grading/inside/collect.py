"""Collect a patch in the agent's sandbox, once every process in it has ended.

`collect.py ROOT OBJECTS COMMIT LIMIT` prints the paths in the patch, then path and reason of each
file that is left out, and then the patch. Each path and reason ends with a null byte, and each of
the two lists with one more. All of it has at most LIMIT bytes. Python 3.7 runs it, once in every
rollout, so it imports little: `subprocess` and `json` cost as much as to hash ten megabytes.

Only files and their contents count. Git works in a folder of its own, so that nothing the agent
staged, committed or configured matters. What it left behind cannot be in the way: files and folders
without rights get them back, the temporary folder is emptied, and a file that cannot be taken
costs the patch no other one.
"""

from __future__ import annotations

import os
import stat
import sys
from hashlib import sha1

from harness.grading.inside.repository import PIECE, Git, content_of

MAX_CHANGED_BYTES = 64 << 20
"""Bytes of changed files that are taken, the smallest first; git writes them down once more."""
BLOCK = 4096
"""What git's copy of the smallest file takes."""
NAME_BYTES = 200
LEFT_OUT_SHARE = 8
"""What part of the output is for names of files that are left out; of more, their number."""
STEERING = (b".gitattributes", b".gitignore")
"""Names of files by which git reads other files."""
GITLINK = "160000"
REFUSED = "Ignoring path "
"""How git says that it takes no file of a name."""
DIFF = ("diff-index", "--cached", "--no-renames")
PATCH = (
    *("-p", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv"),
    *("--src-prefix=a/", "--dst-prefix=b/"),
)


class Collector:
    """Finds what differs from a commit, and notes what cannot be taken."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self.left_out: dict[bytes, str] = {}
        self._files: dict[bytes, os.stat_result] = {}
        self._tree: dict[bytes, tuple[str, str]] = {}

    def collect(self, commit: str, limit: int) -> tuple[list[bytes], list[bytes]]:
        """Return the paths in the patch and the patch's sections."""
        self._tree = self._git.tree(commit)
        self._walk()
        changed = [path for path in self._files if self._differs(path)]
        gone = [p for p, e in self._tree.items() if p not in self._files and e[0] != GITLINK]
        gone = [path for path in gone if not self._hidden(path)]
        if not changed and not gone:
            return [], []
        # Git must read the others as it does in the commit, so it finds these in the index only.
        aside = {p: self._set_aside(p) for p in changed if os.path.basename(p) in STEERING[:1]}
        ignored = self._git.ignored([path for path in changed if path not in self._tree])
        changed = [path for path in changed if path not in ignored]
        self._git.run("read-tree", commit)
        links = [path for path, entry in self._tree.items() if entry[0] == GITLINK]
        if links:  # what lies below the path of a submodule is files like the rest
            self._git.remove(links)
            commit = self._git.run("write-tree").decode().strip()
        self._add(self._affordable([path for path in changed if path not in aside]))
        for path, content in aside.items():
            if path not in ignored:
                self._git.put(path, _mode(self._files[path]), content)
        self._git.remove(gone)
        return self._sections(commit, limit)

    def _walk(self) -> None:
        """Find every file of the checkout; those of a repository's own folder are none."""
        folders = [b""]
        while folders:
            folder = folders.pop()
            try:
                entries = _entries(folder)
            except OSError as error:
                self.left_out[folder or b"."] = _why(error)
                continue
            for name, status in entries:
                path = os.path.join(folder, name)
                if name == b".git":
                    continue
                if stat.S_ISDIR(status.st_mode):
                    folders.append(path)
                elif _mode(status):
                    self._files[path] = status
                else:
                    self.left_out[path] = "it is no regular file"
                    if name in STEERING:  # git would wait for a pipe's other end
                        os.unlink(path)

    def _differs(self, path: bytes) -> bool:
        """Whether a file is not as in the commit.

        Its content tells: its times may not, since a write through shared memory changes none.
        To hash everything is cheap, unlike what git does beside it.
        """
        status, known = self._files[path], self._tree.get(path)
        try:
            _make_readable(path, status)
            return not known or known != (_mode(status), _object_id(path, status))
        except OSError as error:
            self.left_out[path] = _why(error)
            return False

    def _hidden(self, path: bytes) -> bool:
        """Whether a path lies in a folder that could not be read."""
        return any(path.startswith(folder + b"/") for folder in self.left_out)

    def _set_aside(self, path: bytes) -> bytes:
        content = content_of(path, self._files[path])
        os.unlink(path)
        return content

    def _affordable(self, paths: list[bytes]) -> list[bytes]:
        """As many changed files as there is room for; files that the commit has come first."""
        room, kept = MAX_CHANGED_BYTES, []
        for path in sorted(paths, key=lambda p: (p not in self._tree, self._files[p].st_size)):
            size = self._files[path].st_size
            room -= size + BLOCK
            if room >= 0:
                kept.append(path)
            else:
                room += size + BLOCK
                self.left_out[path] = "it is too large"
        return kept

    def _add(self, paths: list[bytes]) -> None:
        """Put files into the index; where git refuses, find out which one by halves."""
        if not paths:
            return
        command = ("update-index", "-z", "--add", "--replace", "--stdin")
        _, problem = self._git.try_(*command, stdin=b"\0".join(paths))
        if problem and len(paths) > 1:
            middle = len(paths) // 2
            self._add(paths[:middle])
            self._add(paths[middle:])
        elif problem:
            self.left_out[paths[0]] = problem[0][:NAME_BYTES]
        else:
            for line in self._git.errors():
                if line.startswith(REFUSED):
                    path = os.fsencode(line[len(REFUSED) :])
                    self.left_out[path] = "git takes no file of this name"

    def _sections(self, commit: str, limit: int) -> tuple[list[bytes], list[bytes]]:
        """Return the patch by file, without the largest ones if it is longer than `limit`."""
        fields = self._git.run(*DIFF, "--name-status", "-z", commit).split(b"\0")[:-1]
        names = []
        for status, path in zip(fields[::2], fields[1::2]):
            # A file that becomes a link, or the other way round, is deleted and created.
            names += [path] * (2 if status == b"T" else 1)
        sections = self._diff(commit, limit)
        sizes: dict[bytes, int] = {}
        for path, section in zip(names, sections):
            sizes[path] = sizes.get(path, len(path) + 1) + len(section)
        for path in sorted(sizes, key=lambda p: sizes[p]):
            limit -= sizes[path]
            if limit < 0:
                self.left_out[path] = "the patch would be too large"
        pairs = [pair for pair in zip(names, sections) if pair[0] not in self.left_out]
        return list(dict(pairs)), [section for _, section in pairs]

    def _diff(self, commit: str, limit: int) -> list[bytes]:
        """Return the sections of the patch; of one longer than `limit`, only so much."""
        process, reader = self._git.start(*DIFF, *PATCH, commit)
        sections: list[bytearray] = []
        with open(reader, "rb") as file:
            for line in file:
                if line.startswith(b"diff --git "):
                    sections.append(bytearray())
                if len(sections[-1]) <= limit:
                    sections[-1] += line
        os.waitpid(process, 0)
        return [bytes(section) for section in sections]


def _entries(folder: bytes) -> list[tuple[bytes, os.stat_result]]:
    """Names and what they are; a folder without rights is given them."""
    try:
        return _scan(folder)
    except PermissionError:
        os.chmod(folder or b".", 0o700)
        return _scan(folder)


def _scan(folder: bytes) -> list[tuple[bytes, os.stat_result]]:
    with os.scandir(folder or b".") as entries:
        return [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]


def _mode(status: os.stat_result) -> str:
    """Return git's mode of a file; empty for what git cannot hold."""
    if stat.S_ISLNK(status.st_mode):
        return "120000"
    if not stat.S_ISREG(status.st_mode):
        return ""
    return "100755" if status.st_mode & stat.S_IXUSR else "100644"


def _make_readable(path: bytes, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode) and not status.st_mode & stat.S_IRUSR:
        os.chmod(path, stat.S_IMODE(status.st_mode) | stat.S_IRUSR)


def _object_id(path: bytes, status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        target = os.readlink(path)
        return sha1(b"blob %d\0" % len(target) + target).hexdigest()
    digest = sha1(b"blob %d\0" % status.st_size)
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(PIECE), b""):
            digest.update(piece)
    return digest.hexdigest()


def _why(error: OSError) -> str:
    return "it cannot be read: " + (error.strerror or str(error))


def _empty(folder: str) -> None:
    """Empty a folder, whatever rights its content has, and how deep it is."""
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o700)
    left = [f"{folder}/{name}" for name in os.listdir(folder)]
    for at in range(0, len(left), 500):
        some = left[at : at + 500]
        for command in (["rm", "-rf"], ["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            if any(map(os.path.lexists, some)):
                process = os.posix_spawnp(command[0], [*command, "--", *some], os.environ)
                os.waitpid(process, 0)


def _named(left_out: dict[bytes, str], room: int) -> list[bytes]:
    """Paths and reasons of files that are left out, as far as there is room."""
    named: list[bytes] = []
    for path, why in sorted(left_out.items()):
        pair = [path[:NAME_BYTES], os.fsencode(why)]
        room -= sum(map(len, pair)) + 2
        if room < 0 and named:
            return [*named, b"(%d more)" % (len(left_out) - len(named) // 2), b"for such reasons"]
        named += pair
    return named


def main(root: str, objects: str, commit: str, limit: str) -> None:
    """Collect and print."""
    temporary = os.environ["TMPDIR"]
    _empty(temporary)
    if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        os.chmod(root, 0o755)
    os.chdir(root)
    collector = Collector(Git(f"{temporary}/collect", root, objects, len(commit)))
    for_names = int(limit) // LEFT_OUT_SHARE
    files, sections = collector.collect(commit, int(limit) - 2 * for_names)
    lists = (files, _named(collector.left_out, for_names))
    head = [b"".join(field + b"\0" for field in fields) + b"\0" for fields in lists]
    sys.stdout.buffer.write(b"".join([*head, *sections]))


if __name__ == "__main__":
    main(*sys.argv[1:])
