"""HTTP servers: nginx, httpd, and the small ones that tutorials use to show who answered."""

import mimetypes
import posixpath
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, unquote, urlsplit

from kube_nb.cri.files import Directory, File
from kube_nb.cri.http import Answer, Ask, Handler, reason
from kube_nb.cri.process import Main, Process
from kube_nb.cri.programs import nginx_conf

NGINX_VERSION = "1.29.3"


async def serve(p: Process, port: int, handler: Handler) -> bool:
    """Listen, or complain as a server does whose port is taken."""
    try:
        p.net.serve_http(port, handler)
    except OSError as error:
        p.complain(f"bind() to 0.0.0.0:{port} failed (98: {error.strerror})")
        return False
    return True


def access_line(p: Process, ask: Ask, answer: Answer, *, forwarded: bool = True) -> str:
    """The combined log format."""
    agent, referer = ask.headers.get("user-agent", "-"), ask.headers.get("referer", "-")
    line = (
        f"{ask.client} - - [{p.clock.now():%d/%b/%Y:%H:%M:%S +0000}] "
        f'"{ask.method} {ask.target} HTTP/1.1" {answer.status} {len(answer.body)}'
    )
    return f'{line} "{referer}" "{agent}" "{ask.headers.get("x-forwarded-for", "-")}"' if forwarded else line


def read_page(p: Process, root: str, path: str, index: tuple[str, ...] = ("index.html",)) -> Answer | None:
    """The file of a URL path below a root, or a directory's index; None if there is none."""
    full = posixpath.normpath(root + "/" + unquote(path).lstrip("/"))
    if full != root.rstrip("/") and not full.startswith(root.rstrip("/") + "/"):
        return None
    node = p.fs.find(full)
    if isinstance(node, Directory):
        names = [name for name in index if p.fs.exists(posixpath.join(full, name))]
        if not names:
            return None
        full = posixpath.join(full, names[0])
        node = p.fs.find(full)
    if not isinstance(node, File):
        return None
    kind = mimetypes.guess_type(full)[0] or "application/octet-stream"
    return Answer(200, node.data, {"Content-Type": kind})


# -- nginx -------------------------------------------------------------------------------------------------------


def _nginx_error(status: int) -> Answer:
    title = f"{status} {reason(status)}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        f"<hr><center>nginx/{NGINX_VERSION}</center>\r\n</body>\r\n</html>\r\n"
    )
    return Answer(status, page.encode(), {"Content-Type": "text/html"})


def _nginx_start(p: Process) -> None:
    entry = "/docker-entrypoint.sh:"
    p.print(f"{entry} /docker-entrypoint.d/ is not empty, will attempt to perform configuration")
    p.print(f"{entry} Looking for shell scripts in /docker-entrypoint.d/")
    p.print(f"{entry} Configuration complete; ready for start up")
    for text in ('using the "epoll" event method', f"nginx/{NGINX_VERSION}", "start worker processes"):
        p.complain(f"{p.clock.now():%Y/%m/%d %H:%M:%S} [notice] 1#1: {text}")


async def nginx(p: Process) -> int:
    """Serves what /etc/nginx says: `nginx_conf` names the directives it understands."""
    try:
        servers = nginx_conf.load(p)
    except nginx_conf.ConfigFault as fault:
        p.complain(f"nginx: [emerg] {fault}")
        return 1
    _nginx_start(p)
    by_port: dict[int, list[nginx_conf.Server]] = {}
    for server in servers:
        for port in server.ports:
            by_port.setdefault(port, []).append(server)
    for port, candidates in by_port.items():
        if not await serve(p, port, _nginx_handler(p, candidates)):
            return 1
    await p.forever()
    return 0


def _nginx_handler(p: Process, servers: list[nginx_conf.Server]) -> Handler:
    async def handle(ask: Ask) -> Answer:
        host = ask.headers.get("host", "").partition(":")[0]
        server = next((server for server in servers if host in server.names), servers[0])
        answer = await _nginx_answer(p, server.location(ask.path), ask)
        answer.headers = {"Server": f"nginx/{NGINX_VERSION}", **answer.headers}
        p.print(access_line(p, ask, answer))
        return answer

    return handle


async def _nginx_answer(p: Process, location: nginx_conf.Location, ask: Ask) -> Answer:
    if location.returns is not None:
        status, text = location.returns
        if 300 <= status < 400:
            return Answer(status, b"", {"Location": text})
        return Answer(status, text.encode(), {"Content-Type": location.default_type})
    if location.proxy_pass:
        return await _proxied(p, location, ask)
    if ask.method not in ("GET", "HEAD"):
        return _nginx_error(405)
    page = read_page(p, location.root, ask.path, location.index)
    if page is None:
        folder = p.fs.is_dir(location.root + ask.path)
        text = f'"{location.root}{ask.path}" failed (2: No such file or directory)'
        p.complain(f"{p.clock.now():%Y/%m/%d %H:%M:%S} [error] 1#1: *1 open() {text}, client: {ask.client}")
        return _nginx_error(403 if folder else 404)
    return page


async def _proxied(p: Process, location: nginx_conf.Location, ask: Ask) -> Answer:
    base = urlsplit(location.proxy_pass)
    target = ask.target
    if base.path:
        target = base.path + target.removeprefix(location.prefix)
    forwarded = {"X-Forwarded-For": ask.client, "X-Real-IP": ask.client}
    try:
        answer = await p.net.http(ask.method, f"http://{base.netloc}{target}", headers=forwarded, body=ask.body)
    except TimeoutError:
        return _nginx_error(504)
    except OSError as error:
        p.complain(
            f"{p.clock.now():%Y/%m/%d %H:%M:%S} [error] 1#1: *1 connect() failed ({error}) while connecting to upstream"
        )
        return _nginx_error(502)
    kept = {name: value for name, value in answer.headers.items() if name.lower() in ("content-type", "location")}
    return Answer(answer.status, answer.body, kept)


# -- httpd -------------------------------------------------------------------------------------------------------


async def httpd(p: Process) -> int:
    root = "/usr/local/apache2/htdocs"

    async def handle(ask: Ask) -> Answer:
        answer = read_page(p, root, ask.path)
        if answer is None:
            page = '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n'
            page += "<html><head>\n<title>404 Not Found</title>\n</head><body>\n"
            page += "<h1>Not Found</h1>\n<p>The requested URL was not found on this server.</p>\n</body></html>\n"
            answer = Answer.text(page, 404, "text/html; charset=iso-8859-1")
        answer.headers = {"Server": "Apache/2.4.65 (Unix)", **answer.headers}
        p.print(access_line(p, ask, answer, forwarded=False))
        return answer

    now = f"{p.clock.now():%a %b %d %H:%M:%S.%f %Y}"
    p.complain(
        "AH00558: httpd: Could not reliably determine the server's fully qualified domain name, using "
        f"{p.net.ip}. Set the 'ServerName' directive globally to suppress this message"
    )
    p.complain(
        f"[{now}] [mpm_event:notice] [pid 1:tid 1] AH00489: Apache/2.4.65 (Unix) configured -- "
        "resuming normal operations"
    )
    if not await serve(p, 80, handle):
        return 1
    return await p.forever()


# -- small servers -----------------------------------------------------------------------------------------------


def _answering(port: int, make: Callable[[Process, Ask], Answer], *, started: str = "", log: str = "") -> Main:
    """A server that answers every request by a function. started, log: what it prints, with {port} and {ask}."""

    async def main(p: Process) -> int:
        number = int(p.env.get("PORT") or port)

        async def handle(ask: Ask) -> Answer:
            answer = make(p, ask)
            if log:
                p.complain(log.format(ask=ask, now=f"{p.clock.now():%Y/%m/%d %H:%M:%S}", status=answer.status))
            return answer

        if not await serve(p, number, handle):
            return 1
        if started:
            p.complain(started.format(port=number, now=f"{p.clock.now():%Y/%m/%d %H:%M:%S}"))
        return await p.forever()

    return main


def _hello_app(version: str) -> Callable[[Process, Ask], Answer]:
    return lambda p, ask: Answer.text(f"Hello, world!\nVersion: {version}\nHostname: {p.hostname}\n")


def _bootcamp(p: Process, ask: Ask) -> Answer:
    return Answer.text(
        f"Hello Kubernetes bootcamp! | Running on: {p.hostname} | v={p.env.get('BOOTCAMP_VERSION', '1')}\n"
    )


def _whoami(p: Process, ask: Ask) -> Answer:
    lines = [f"Hostname: {p.hostname}", "IP: 127.0.0.1", f"IP: {p.net.ip}", f"RemoteAddr: {ask.client}:0"]
    lines += [f"{ask.method} {ask.target} HTTP/1.1"]
    lines += [f"{name.title()}: {value}" for name, value in ask.headers.items()]
    return Answer.text("\n".join(lines) + "\n")


def _echo(p: Process, ask: Ask) -> Answer:
    lines = [f"Hostname: {p.hostname}", "", "Request Information:", f"\tclient_address={ask.client}"]
    lines += [f"\tmethod={ask.method}", f"\treal path={ask.target}", "", "Request Headers:"]
    lines += [f"\t{name}={value}" for name, value in sorted(ask.headers.items())]
    return Answer.text(
        "\n".join([*lines, "", "Request Body:", ask.body.decode(errors="replace") or "\t-no body in request-"]) + "\n"
    )


async def http_echo(p: Process) -> int:
    """hashicorp/http-echo: -text=..., -listen=:PORT."""
    given = dict(word.lstrip("-").split("=", 1) for word in p.argv[1:] if "=" in word)
    text = given.get("text") or p.env.get("ECHO_TEXT", "hello-world")
    port = int(given.get("listen", ":5678").rpartition(":")[2])
    return (
        await _answering(
            port, lambda p, ask: Answer.text(text + "\n"), started="{now} [INFO] server is listening on :{port}"
        )(p)
        or 0
    )


async def liveness(p: Process) -> int:
    """registry.k8s.io/liveness (and agnhost liveness): /healthz is fine for ten seconds, then fails."""
    started_s = p.clock.time()

    def health(p: Process, ask: Ask) -> Answer:
        age_s = p.clock.time() - started_s
        return Answer.text("ok" if age_s <= 10 else f"error: {age_s:.6f}", 200 if age_s <= 10 else 500)

    return await _answering(8080, health)(p) or 0


async def agnhost(p: Process) -> int:
    """The subcommands netexec, serve-hostname, liveness, pause and test-webserver."""
    command = p.argv[1] if len(p.argv) > 1 else "pause"
    given = {k.lstrip("-"): v for k, _, v in (word.partition("=") for word in p.argv[2:])}
    if command == "liveness":
        return await liveness(p)
    if command == "pause":
        p.print("Paused")
        return await p.forever()
    if command == "netexec":
        return (
            await _answering(
                int(given.get("http-port") or 8080), _netexec, started="Started HTTP server on port {port}"
            )(p)
            or 0
        )
    if command in ("serve-hostname", "test-webserver"):
        port = int(given.get("port") or (9376 if command == "serve-hostname" else 80))
        return await _answering(port, lambda p, ask: Answer.text(p.hostname))(p) or 0
    p.complain(f'Error: unknown command "{command}" for "app"')
    return 1


def _netexec(p: Process, ask: Ask) -> Answer:
    query = parse_qs(urlsplit(ask.target).query)
    match ask.path:
        case "/hostname" | "/hostName":
            return Answer.text(p.hostname)
        case "/clientip":
            return Answer.text(f"{ask.client}:0")
        case "/echo":
            return Answer.text(query.get("msg", [""])[0], int(query.get("code", ["200"])[0]))
        case "/healthz":
            return Answer.text("")
        case "/header":
            return Answer.text(ask.headers.get(query.get("key", [""])[0].lower(), ""))
    return Answer.text(f"NOW: {p.clock.now():%Y-%m-%d %H:%M:%S.%f +0000 UTC}")


async def python(p: Process) -> int:
    """``python -m http.server [PORT]``; there is no Python interpreter in a simulated container."""
    words = [word for word in p.argv[1:] if not word.startswith("-u")]
    if words[:2] == ["-m", "http.server"]:
        port = int(words[2]) if len(words) > 2 and words[2].isdigit() else 8000

        def page(p: Process, ask: Ask) -> Answer:
            found = read_page(p, p.cwd, ask.path)
            if found is None and p.fs.is_dir(p.path(ask.path.lstrip("/"))):
                names = "".join(f"<li>{name}</li>\n" for name in p.fs.list(p.path(ask.path.lstrip("/"))))
                found = Answer.text(
                    f"<!DOCTYPE HTML>\n<title>Directory listing for {ask.path}</title>\n<ul>\n{names}</ul>\n",
                    content_type="text/html",
                )
            return found or Answer.text("File not found\n", 404)

        log = '{ask.client} - - [{now}] "{ask.method} {ask.target} HTTP/1.1" {status} -'
        return await _answering(port, page, log=log)(p) or 0
    p.complain(f"{p.argv[0]}: only `-m http.server` is simulated; register a program for this image")
    return 1


async def php_apache(p: Process) -> int:
    """registry.k8s.io/hpa-example: each request burns processor time, which the autoscaler sees."""
    busy = 0

    async def handle(ask: Ask) -> Answer:
        nonlocal busy
        busy += 1
        p.use(cpu_milli=1 + 150 * busy)
        await p.sleep(0.1)
        busy -= 1
        p.use(cpu_milli=1 + 150 * busy)
        return Answer.text("OK!")

    if not await serve(p, 80, handle):
        return 1
    return await p.forever()


def _page(port: int, text: str) -> Main:
    return _answering(port, lambda p, ask: Answer.text(text, content_type="text/html"))


_Entry = tuple[Callable[[Process], Awaitable[int | None]], int]
#: name in images.yaml -> (program, exit code on SIGTERM).
SERVERS: dict[str, _Entry] = {
    "nginx": (nginx, 0),
    "httpd": (httpd, 0),
    "hello-app-1": (
        _answering(
            8080,
            _hello_app("1.0.0"),
            started="{now} Server listening on port {port}",
            log="{now} Serving request: {ask.target}",
        ),
        143,
    ),
    "hello-app-2": (
        _answering(
            8080,
            _hello_app("2.0.0"),
            started="{now} Server listening on port {port}",
            log="{now} Serving request: {ask.target}",
        ),
        143,
    ),
    "bootcamp": (
        _answering(8080, _bootcamp, started="Kubernetes Bootcamp App Started At: {now} | Running On: port {port}"),
        143,
    ),
    "whoami": (_answering(80, _whoami, started="{now} Starting up on port {port}"), 143),
    "echo": (_answering(8080, _echo), 143),
    "node-hello": (
        _answering(
            8080, lambda p, ask: Answer.text("Hello Kubernetes!"), started="Server running at http://0.0.0.0:{port}/"
        ),
        143,
    ),
    "http-echo": (http_echo, 143),
    "liveness": (liveness, 143),
    "agnhost": (agnhost, 0),
    "python": (python, 143),
    "php-apache": (php_apache, 0),
    "wordpress": (
        _page(80, "<!DOCTYPE html><html><head><title>WordPress &rsaquo; Installation</title></head></html>\n"),
        0,
    ),
    "guestbook": (_page(80, "<!DOCTYPE html><html><head><title>Guestbook</title></head></html>\n"), 0),
}
