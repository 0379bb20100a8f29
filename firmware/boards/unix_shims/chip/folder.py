# The chip's file system, which is a folder of the machine: nothing outside can be named.
# What it tells is as littlefs tells it: sizes in ilistdir(), no links, no permissions.

from uos import VfsPosix

_DIR = 0x4000
_FILE = 0x8000
_BLOCK = 4096
_ENOENT = 2
_ENOSPC = 28


class Folder:
    # `blocks` of 4096 bytes is what the partition holds.
    def __init__(self, root, blocks):
        self._files = VfsPosix(root)
        self._bare = VfsPosix()  # rename() of one with a root loses the first of its two paths
        self._root = root
        self._cwd = "/"
        self._blocks = blocks

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    # Absolute, and without a way up beyond the root.
    def _path(self, path):
        parts = []
        for part in (path if path.startswith("/") else self._cwd + "/" + path).split("/"):
            if part == "..":
                if parts:
                    parts.pop()
            elif part and part != ".":
                parts.append(part)
        return "/" + "/".join(parts)

    def chdir(self, path):
        path = self._path(path)
        if path != "/" and not self.stat(path)[0] & _DIR:
            raise OSError(_ENOENT)
        self._cwd = path

    def getcwd(self):
        return self._cwd

    def open(self, path, mode):
        if ("w" in mode or "a" in mode) and not self._free():
            raise OSError(_ENOSPC)
        return self._files.open(self._path(path), mode)

    def stat(self, path):
        found = self._files.stat(self._path(path))
        kind = _DIR if found[0] & 0xF000 == _DIR else _FILE
        size = 0 if kind == _DIR else found[6]
        return (kind, 0, 0, 0, 0, 0, size, found[7], found[8], found[9])

    def ilistdir(self, path):
        path = self._path(path)
        for entry in self._files.ilistdir(path):
            kind = entry[1]
            if kind not in (_DIR, _FILE):
                continue
            size = self.stat(path + "/" + entry[0])[6] if kind == _FILE else 0
            yield (entry[0], kind, 0, size)

    def remove(self, path):
        self._files.remove(self._path(path))

    def rename(self, old, new):
        self._bare.rename(self._root + self._path(old), self._root + self._path(new))

    def mkdir(self, path):
        self._files.mkdir(self._path(path))

    def rmdir(self, path):
        self._files.rmdir(self._path(path))

    def statvfs(self, path):
        free = self._free()
        return (_BLOCK, _BLOCK, self._blocks, free, free, 0, 0, 0, 0, 255)

    # Blocks: two for each folder, as littlefs has it, and those of the files.
    def _used(self, path):
        used = 2
        for name, kind, _, size in self.ilistdir(path):
            used += self._used(path + "/" + name) if kind == _DIR else (size + _BLOCK - 1) // _BLOCK
        return used

    def _free(self):
        return max(self._blocks - self._used("/"), 0)
