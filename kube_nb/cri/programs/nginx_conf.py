"""nginx's configuration as far as tutorials use it: http, server, location, listen, server_name, root, index, return,
proxy_pass, default_type, include. Other directives are accepted without effect, as a log format would be."""

import fnmatch
import functools
import posixpath
import re
from dataclasses import dataclass, field, replace

from kube_nb.cri.process import Process

_TOKEN = re.compile(r"#[^\n]*|\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|([{};])|([^\s{};\"']+)")
#: A directive: its words and, for a block, the directives in it.
Directive = tuple[list[str], list["Directive"] | None]


class ConfigFault(Exception):
    """nginx refuses to start."""


@dataclass(slots=True)
class Location:
    """exact: ``location = /x``; pattern: ``location ~ regex``."""

    prefix: str = "/"
    exact: bool = False
    pattern: re.Pattern[str] | None = None
    root: str = "/etc/nginx/html"
    index: tuple[str, ...] = ("index.html",)
    returns: tuple[int, str] | None = None
    proxy_pass: str = ""
    default_type: str = "text/plain"


@dataclass(slots=True)
class Server:
    ports: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    default: Location = field(default_factory=Location)
    locations: list[Location] = field(default_factory=list)

    def location(self, path: str) -> Location:
        """Exact, then the first regular expression, then the longest prefix."""
        exact = [one for one in self.locations if one.exact and one.prefix == path]
        patterns = [one for one in self.locations if one.pattern and one.pattern.search(path)]
        prefixes = [one for one in self.locations if not one.exact and not one.pattern and path.startswith(one.prefix)]
        best = max(prefixes, key=lambda one: len(one.prefix), default=self.default)
        return (exact or patterns or [best])[0]


def load(p: Process) -> list[Server]:
    """The servers of /etc/nginx/nginx.conf, or, without one, of /etc/nginx/conf.d. Raises ConfigFault."""
    if p.fs.exists("/etc/nginx/nginx.conf"):
        tree = _parse(p, "/etc/nginx/nginx.conf")
    else:
        tree = _include(p, "/etc/nginx/conf.d/*.conf")
    servers: list[Server] = []
    _collect(p, tree, Location(), servers)
    return servers


def _include(p: Process, pattern: str) -> list[Directive]:
    pattern = posixpath.join("/etc/nginx", pattern)
    folder, name = posixpath.split(pattern)
    found: list[Directive] = []
    for entry in p.fs.list(folder) if p.fs.is_dir(folder) else ():
        if fnmatch.fnmatch(entry, name):
            found += _parse(p, posixpath.join(folder, entry))
    return found


def _parse(p: Process, path: str) -> list[Directive]:
    return _tree(path, p.fs.read(path).decode(errors="replace"))


@functools.lru_cache(maxsize=64)
def _tree(path: str, text: str) -> list[Directive]:
    """A file's directives; shared, never changed."""
    tokens = []
    for match in _TOKEN.finditer(text):
        if match[0].startswith("#"):
            continue
        quoted = match[1] if match[1] is not None else match[2]
        tokens.append(
            (match[3] or "", re.sub(r"\\(.)", _escape, quoted) if quoted is not None else match[4] or "", match.start())
        )
    tokens.reverse()
    tree = _block(path, text, tokens)
    if tokens:
        raise ConfigFault(f'unexpected "}}" in {path}:{_line(text, tokens[-1][2])}')
    return tree


def _escape(match: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(match[1], match[1])


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _block(path: str, text: str, tokens: list[tuple[str, str, int]]) -> list[Directive]:
    found: list[Directive] = []
    words: list[str] = []
    while tokens and tokens[-1][0] != "}":
        mark, word, _ = tokens.pop()
        if mark == ";":
            found.append((words, None))
            words = []
        elif mark == "{":
            body = _block(path, text, tokens)
            if not tokens:
                raise ConfigFault(f'unexpected end of file, expecting "}}" in {path}:{_line(text, len(text))}')
            tokens.pop()
            found.append((words, body))
            words = []
        else:
            words.append(word)
    if words:
        position = tokens[-1][2] if tokens else len(text)
        raise ConfigFault(f'unexpected end of file, expecting ";" or "}}" in {path}:{_line(text, position)}')
    return found


def _collect(p: Process, tree: list[Directive], inherited: Location, servers: list[Server]) -> None:
    settings = _settings(p, tree, inherited)
    for words, body in tree:
        if words and words[0] == "include" and len(words) > 1:
            _collect(p, _include(p, words[1]), settings, servers)
        elif words and words[0] == "http" and body is not None:
            _collect(p, body, settings, servers)
        elif words and words[0] == "server" and body is not None:
            servers.append(_server(p, body, settings))


def _settings(p: Process, tree: list[Directive], inherited: Location) -> Location:
    """What the plain directives of a block change."""
    location = replace(inherited)
    for words, body in tree:
        if body is not None or len(words) < 2:
            continue
        match words[0]:
            case "root" | "alias":
                location.root = words[1].rstrip("/")
            case "index":
                location.index = tuple(words[1:])
            case "return":
                status = int(words[1]) if words[1].isdigit() else 302
                location.returns = (status, words[-1] if len(words) > 2 or status == 302 else "")
            case "proxy_pass":
                location.proxy_pass = words[1]
            case "default_type":
                location.default_type = words[1]
    return location


def _server(p: Process, body: list[Directive], inherited: Location) -> Server:
    settings = _settings(p, body, inherited)
    server = Server(default=settings)
    for words, inner in body:
        if words[0] == "listen":
            port = int(words[1].rpartition(":")[2].rpartition("]")[2] or 80)
            server.ports += [port] if port not in server.ports else []
        elif words[0] == "server_name":
            server.names += words[1:]
        elif words[0] == "location" and inner is not None:
            location = _settings(p, inner, settings)
            operator = words[1] if len(words) > 2 else ""
            location.prefix = words[-1]
            location.exact = operator == "="
            if operator.startswith("~"):
                location.pattern = re.compile(words[-1], re.IGNORECASE if operator == "~*" else 0)
            server.locations.append(location)
    server.ports = server.ports or [80]
    return server
