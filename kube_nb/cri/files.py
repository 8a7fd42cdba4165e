"""An in-memory file system: volumes, image contents, devices, and the tree that a container sees of them.

Nodes (`File`, `Directory`, `Device`) are shared by reference: two containers that mount one emptyDir hold the same
`Directory`. Errors are Python's own OSError family, with the texts that C programs print.
"""

import errno
import os
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(slots=True, eq=False)
class File:
    """A file. of_image: shared by all containers of an image, so whoever changes it puts a file of its own there."""

    data: bytes = b""
    mode: int = 0o644
    mtime_s: float = 0.0
    of_image: bool = False


@dataclass(slots=True, eq=False)
class Device:
    """A character device: /dev/null, /dev/stdout."""

    read: Callable[[], bytes]
    write: Callable[[bytes], None]
    mode: int = 0o666
    mtime_s: float = 0.0


@dataclass(slots=True, eq=False)
class Directory:
    entries: dict[str, "Node"] = field(default_factory=dict)
    mode: int = 0o755
    mtime_s: float = 0.0

    @classmethod
    def of(cls, files: Mapping[str, bytes], mode: int = 0o644) -> "Directory":
        """A tree from relative paths: ``{"a/b.txt": b"..."}``; a path that ends in a slash is an empty directory."""
        root = cls()
        for path, data in files.items():
            root.put(path, data, mode)
        return root

    def put(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Add a file, making directories on the way."""
        *parents, name = path.strip("/").split("/") + ([""] if path.endswith("/") else [])
        directory = self
        for parent in parents:
            child = directory.entries.setdefault(parent, Directory())
            if not isinstance(child, Directory):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            directory = child
        if name:
            directory.entries[name] = File(data, mode)

    def layer(self) -> "Directory":
        """The tree for one more container of an image: directories of its own over the same files."""
        entries = {
            name: node.layer() if isinstance(node, Directory) else _shared(node) for name, node in self.entries.items()
        }
        return Directory(entries, self.mode, self.mtime_s)

    def replace(self, other: "Directory") -> None:
        """Take over another tree's contents, so that whoever mounts this directory sees them at once."""
        self.entries = other.entries


Node: TypeAlias = File | Directory | Device


def _shared(node: "File | Device") -> "File | Device":
    if isinstance(node, File):
        node.of_image = True
    return node


def _fail(code: int, path: str) -> OSError:
    return OSError(code, os.strerror(code), path)


class FileSystem:
    """What one container sees: its own root, with mounts over it.

    root: made on first use by `make_root`, as most containers never look at their files.
    """

    def __init__(self, make_root: Callable[[], Directory], *, read_only_root: bool = False) -> None:
        self._make_root = make_root
        self._root: Directory | None = None
        self._read_only_root = read_only_root
        self._mounts: dict[str, tuple[Node, bool]] = {}

    @property
    def root(self) -> Directory:
        if self._root is None:
            self._root = self._make_root()
        return self._root

    @property
    def mounts(self) -> Mapping[str, tuple[Node, bool]]:
        """What is mounted where: path -> (node, read only)."""
        return self._mounts

    def mount(self, path: str, node: Node, *, read_only: bool = False) -> None:
        self._mounts[posixpath.normpath(path)] = (node, read_only)

    # -- finding -------------------------------------------------------------------------------------------------

    def node(self, path: str) -> Node:
        """The file or directory at an absolute path."""
        path = posixpath.normpath(path)
        current: Node = self._mounts["/"][0] if "/" in self._mounts else self.root
        walked = ""
        for part in path.strip("/").split("/") if path != "/" else ():
            walked += "/" + part
            if walked in self._mounts:
                current = self._mounts[walked][0]
                continue
            if not isinstance(current, Directory):
                raise _fail(errno.ENOTDIR, path)
            if part in current.entries:
                current = current.entries[part]
            elif any(mount.startswith(walked + "/") for mount in self._mounts):
                current = Directory()  # only a way to a mount
            else:
                raise _fail(errno.ENOENT, path)
        return current

    def find(self, path: str) -> Node | None:
        """`node`, or None where there is nothing."""
        try:
            return self.node(path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def exists(self, path: str) -> bool:
        return self.find(path) is not None

    def is_dir(self, path: str) -> bool:
        return isinstance(self.find(path), Directory)

    def list(self, path: str) -> dict[str, Node]:
        """The entries of a directory by name, sorted, mount points included."""
        path = posixpath.normpath(path)
        directory = self.node(path)
        if not isinstance(directory, Directory):
            raise _fail(errno.ENOTDIR, path)
        prefix = path.rstrip("/") + "/"
        found = dict(directory.entries)
        for mount in self._mounts:
            if mount.startswith(prefix) and mount != path:
                name = mount.removeprefix(prefix).split("/", 1)[0]
                found[name] = self.node(prefix + name)
        return dict(sorted(found.items()))

    def walk(self, path: str) -> Iterator[tuple[str, Node]]:
        """The path itself and all below, depth first, sorted."""
        node = self.node(path)
        yield path, node
        if isinstance(node, Directory):
            for name in self.list(path):
                yield from self.walk(posixpath.join(path, name))

    # -- reading and writing -------------------------------------------------------------------------------------

    def read(self, path: str) -> bytes:
        node = self.node(path)
        if isinstance(node, Directory):
            raise _fail(errno.EISDIR, path)
        return node.data if isinstance(node, File) else node.read()

    def write(self, path: str, data: bytes, *, append: bool = False, now_s: float = 0.0, mode: int = 0o644) -> None:
        """Replace or extend a file; its directory must exist."""
        node = self.find(path)
        if isinstance(node, Directory):
            raise _fail(errno.EISDIR, path)
        if isinstance(node, Device):
            node.write(data)
            return
        self._check_writable(path)
        if node is None:
            node = self._parent(path).entries.setdefault(posixpath.basename(path), File(mode=mode))
            assert isinstance(node, File)
        elif node.of_image:
            node = self.own(path, node)
        node.data = node.data + data if append else data
        node.mtime_s = now_s

    def own(self, path: str, node: File) -> File:
        """Put a copy of an image's file in its place, to be changed."""
        copy = File(node.data, node.mode, node.mtime_s)
        self._parent(path).entries[posixpath.basename(posixpath.normpath(path))] = copy
        return copy

    def mkdir(self, path: str, *, parents: bool = False, now_s: float = 0.0) -> None:
        path = posixpath.normpath(path)
        if self.exists(path):
            if parents and self.is_dir(path):
                return
            raise _fail(errno.EEXIST, path)
        parent = posixpath.dirname(path)
        if parents and not self.exists(parent):
            self.mkdir(parent, parents=True, now_s=now_s)
        self._check_writable(path)
        self._parent(path).entries[posixpath.basename(path)] = Directory(mtime_s=now_s)

    def remove(self, path: str, *, recursive: bool = False) -> None:
        path = posixpath.normpath(path)
        node = self.node(path)
        if path in self._mounts:
            raise _fail(errno.EBUSY, path)
        if isinstance(node, Directory) and node.entries and not recursive:
            raise _fail(errno.ENOTEMPTY, path)
        self._check_writable(path)
        del self._parent(path).entries[posixpath.basename(path)]

    def put(self, path: str, node: Node) -> None:
        """Place a node (for copying and moving trees)."""
        self._check_writable(path)
        self._parent(path).entries[posixpath.basename(posixpath.normpath(path))] = node

    def _parent(self, path: str) -> Directory:
        parent = self.node(posixpath.dirname(posixpath.normpath(path)))
        if not isinstance(parent, Directory):
            raise _fail(errno.ENOTDIR, path)
        return parent

    def _check_writable(self, path: str) -> None:
        read_only = self._read_only_root
        best = -1
        for mount, (_, mount_read_only) in self._mounts.items():
            if len(mount) > best and (path == mount or path.startswith(mount.rstrip("/") + "/")):
                best, read_only = len(mount), mount_read_only
        if read_only:
            raise _fail(errno.EROFS, path)
