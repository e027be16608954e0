"""The files of a commit that never was: `Tree({"setup.py": "..."})`."""


class Tree:
    def __init__(self, files):
        self.files = files

    def text(self, path):
        return self.files.get(path)

    def names(self, folder=""):
        return sorted({path.split("/")[0] for path in self._below(folder)})

    def folders(self, folder=""):
        return sorted({path.split("/")[0] for path in self._below(folder) if "/" in path})

    def _below(self, folder):
        start = f"{folder}/" if folder else ""
        return [path.removeprefix(start) for path in self.files if path.startswith(start)]
