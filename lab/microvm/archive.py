# SPDX-License-Identifier: MIT
"""The cpio archive that a kernel unpacks as its first root folder."""

import os
import stat
from pathlib import Path


class Archive:
    """Files for the guest, in the cpio form 'newc' (the kernel's initramfs).

    It is not compressed: an emulated processor would take longer to unpack it
    than QEMU takes to load it.
    """

    # Debian's merged /usr, so that a library has one place.
    MERGED = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}

    def __init__(self, merged=True):
        self._parts = []
        self._seen = set()
        self._inode = 0
        if merged:
            for name, target in self.MERGED.items():
                self.folder(target)
                self._add(name, stat.S_IFLNK | 0o777, target.encode())
                self._seen.add(name)

    def _place(self, name):
        parts = Path("/", name).parts[1:]
        if parts[0] in self.MERGED:
            return os.path.join(self.MERGED[parts[0]], *parts[1:])
        return os.path.join(*parts)

    def _add(self, name, mode, data=b""):
        self._inode += 1
        encoded = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
        head = b"070701" + b"".join(b"%08X" % value for value in fields) + encoded
        self._parts += [head, b"\0" * (-len(head) % 4), data, b"\0" * (-len(data) % 4)]

    def has(self, name):
        """Whether something is at NAME already."""
        return self._place(name) in self._seen

    def folder(self, name, mode=0o755):
        """Adds a folder and those above it."""
        place = self._place(name)
        if place in self._seen:
            return
        if os.path.dirname(place):
            self.folder(os.path.dirname(place))
        self._seen.add(place)
        self._add(place, stat.S_IFDIR | mode)

    def _enter(self, name):
        place = self._place(name)
        if place in self._seen:
            return None
        if os.path.dirname(place):
            self.folder(os.path.dirname(place))
        self._seen.add(place)
        return place

    def data(self, name, data, mode=0o644):
        """Adds a file with that content; the first of a name wins."""
        if place := self._enter(name):
            self._add(place, stat.S_IFREG | mode, data if isinstance(data, bytes) else data.encode())

    def file(self, name, path):
        """Adds a copy of a file of this machine."""
        path = Path(path)
        self.data(name, path.read_bytes(), 0o755 if os.access(path, os.X_OK) else 0o644)

    def link(self, name, target):
        """Adds a symbolic link."""
        if place := self._enter(name):
            self._add(place, stat.S_IFLNK | 0o777, target.encode())

    def tree(self, name, path):
        """Adds a copy of a folder of this machine."""
        self.folder(name)
        for entry in sorted(Path(path).rglob("*")):
            inside = os.path.join(name, str(entry.relative_to(path)))
            if entry.is_symlink():
                if not self.has(inside):
                    self.link(inside, os.readlink(entry))
            elif entry.is_dir():
                self.folder(inside)
            elif entry.is_file():
                self.file(inside, entry)

    def bytes(self):
        """The archive as a whole, padded so that another may follow."""
        end = Archive(merged=False)
        end._add("TRAILER!!!", 0)
        whole = b"".join(self._parts + end._parts)
        return whole + b"\0" * (-len(whole) % 512)
