"""Images and the registries they come from: which references exist, how big they are, what runs in them.

A row of `programs/images.yaml` (or a `program` decorator) describes an image; `ImageRegistry.find` answers as a real
registry would, with containerd's words for what it does not have.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from kube_nb.cri.process import Executable, Main
from kube_nb.cri.runtime import RuntimeFailure

_NAME = re.compile(
    r"(?:(?P<domain>(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:\d))(?::\d+)?)/)?"
    r"(?P<path>[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
#: Registries whose names resolve; others fail as an unknown host does.
KNOWN_HOSTS = (
    "docker.io",
    "registry.k8s.io",
    "k8s.gcr.io",
    "gcr.io",
    "ghcr.io",
    "quay.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "us-docker.pkg.dev",
)


class Reference(NamedTuple):
    """A normalized image reference: ``nginx`` is docker.io, library/nginx, latest."""

    domain: str
    path: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, image: str) -> "Reference":
        """Raises ValueError with distribution/reference's text."""
        match = _NAME.fullmatch(image)
        if match is None:
            lower = _NAME.fullmatch(image.lower())
            why = "repository name must be lowercase" if lower and image != image.lower() else ""
            raise ValueError("invalid reference format" + (f": {why}" if why else ""))
        domain = match["domain"] or "docker.io"
        domain = "docker.io" if domain == "index.docker.io" else domain
        path = match["path"]
        if domain == "docker.io" and "/" not in path:
            path = f"library/{path}"
        tag = match["tag"] or ("" if match["digest"] else "latest")
        return cls(domain, path, tag, match["digest"] or "")

    @property
    def repository(self) -> str:
        return f"{self.domain}/{self.path}"

    def __str__(self) -> str:
        text = self.repository + (f":{self.tag}" if self.tag else "")
        return text + (f"@{self.digest}" if self.digest else "")


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Image:
    """What is known of a repository's images.

    repositories: full names; tags: a pattern that a tag must match. start_s: bounds of the time from start to the
    program's first step. memory_bytes, cpu_milli: what it uses unless it says otherwise. tools: which sets of commands
    (`programs.TOOLS`) the image contains beside `executables`.
    """

    repositories: tuple[str, ...]
    tags: str = ".*"
    size_bytes: int = 20_000_000
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = "/"
    user: tuple[int, int] = (0, 0)
    stop_signal: str = "SIGTERM"
    start_s: tuple[float, float] = (0.05, 0.3)
    memory_bytes: int = 4_000_000
    cpu_milli: int = 1
    tools: tuple[str, ...] = ()
    executables: Mapping[str, Executable] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    def digest(self, reference: Reference) -> str:
        """The image's digest: equal for equal references, as there is no content to hash."""
        if reference.digest:
            return reference.digest
        return "sha256:" + hashlib.sha256(f"{reference.repository}:{reference.tag}".encode()).hexdigest()


class ImageRegistry:
    """All repositories that can be pulled from; a child adds to its parent's and may replace them.

    >>> images = ImageRegistry()
    >>> @images.program("greeter")
    ... async def greeter(p):
    ...     p.print("hello from", p.hostname)
    ...     await p.terminated()
    ...     return 0
    """

    def __init__(self, parent: "ImageRegistry | None" = None) -> None:
        self._parent = parent
        self._images: dict[str, list[Image]] = {}

    def add(self, image: Image) -> None:
        """Images of one repository that differ by tag are several; the first whose pattern matches is taken."""
        for repository in image.repositories:
            self._images.setdefault(repository, []).append(image)

    def prepend(self, image: Image) -> None:
        """Add an image that is looked at before those of the same repository that are there."""
        for repository in image.repositories:
            self._images.setdefault(repository, []).insert(0, image)

    def get(self, repository: str) -> list[Image]:
        """The repository's images, its own before the parent's."""
        inherited = self._parent.get(repository) if self._parent is not None else []
        return [*self._images.get(repository, ()), *inherited]

    def repositories(self) -> list[str]:
        """All names, sorted."""
        inherited = self._parent.repositories() if self._parent else []
        return sorted({*inherited, *self._images})

    def find(self, reference: Reference) -> Image:
        """The image; raises RuntimeFailure in containerd's words."""
        images = self.get(reference.repository)
        for image in images:
            if not reference.tag or re.fullmatch(image.tags, reference.tag):
                return image
        resolve = f'failed to pull and unpack image "{reference}": failed to resolve reference "{reference}": '
        if images:
            raise RuntimeFailure("NotFound", f"{resolve}{reference}: not found")
        if reference.domain not in KNOWN_HOSTS:
            host = reference.domain.partition(":")[0]
            url = f"https://{reference.domain}/v2/{reference.path}/manifests/{reference.digest or reference.tag}"
            raise RuntimeFailure(
                "Unknown", f'{resolve}failed to do request: Head "{url}": dial tcp: lookup {host}: no such host'
            )
        if reference.domain == "docker.io":
            raise RuntimeFailure(
                "Unknown",
                f"{resolve}pull access denied, repository does not exist or may require authorization: "
                "server message: insufficient_scope: authorization failed",
            )
        raise RuntimeFailure("NotFound", f"{resolve}{reference}: not found")

    def program(
        self,
        name: str,
        *repositories: str,
        tags: str = ".*",
        size_bytes: int = 20_000_000,
        start_s: tuple[float, float] = (0.05, 0.3),
        on_term: Literal["ignore"] | int = 143,
        entrypoint: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        tools: Iterable[str] = ("coreutils",),
        files: Mapping[str, bytes] | None = None,
        memory_bytes: int = 4_000_000,
        cpu_milli: int = 1,
    ) -> Callable[[Main], Main]:
        """Make a coroutine function the program of an image.

        name: of the executable, and of the image unless `repositories` name it. on_term: see `process.Executable`.
        """
        full = tuple(Reference.parse(repository)._replace(tag="").repository for repository in repositories or (name,))

        def decorate(main: Main) -> Main:
            self.prepend(
                Image(
                    full,
                    tags=tags,
                    size_bytes=size_bytes,
                    start_s=start_s,
                    entrypoint=tuple(entrypoint or (name,)),
                    env=dict(env or {}),
                    tools=tuple(tools),
                    files=dict(files or {}),
                    memory_bytes=memory_bytes,
                    cpu_milli=cpu_milli,
                    executables={name: Executable(main, on_term)},
                )
            )
            return main

        return decorate
