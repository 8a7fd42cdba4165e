"""Commands on the network: wget, curl, nslookup, nc, ping, all over the virtual network."""

import asyncio
import socket

from kube_nb.cri import http
from kube_nb.cri.network import Connection
from kube_nb.cri.process import Main, Pipe, Process
from kube_nb.cri.programs.arguments import options
from kube_nb.cri.programs.system import seconds


def _url(text: str) -> str:
    return text if "://" in text else f"http://{text}"


def _host(url: str) -> str:
    return url.split("://", 1)[1].split("/", 1)[0].rpartition("@")[2]


async def wget(p: Process) -> int:
    """Busybox's: -q -O FILE -T SECONDS -S --spider --header --post-data --timeout --tries."""
    found, operands = options(
        p, "qScnv", "OTto", words=("spider", "header", "post-data", "timeout", "tries", "no-check-certificate", "quiet")
    )
    if not operands:
        p.complain("wget: missing URL")
        return 1
    url = _url(operands[0])
    quiet = "q" in found or "quiet" in found
    headers = {"User-Agent": "Wget"}
    if ":" in found.get("header", ""):
        name, _, value = found["header"].partition(":")
        headers[name.strip()] = value.strip()
    body = found.get("post-data", "").encode()
    timeout_s = seconds(found.get("T") or found.get("timeout") or "900")
    host = _host(url)
    try:
        if not quiet:
            address = (await p.net.resolve(host.partition(":")[0]))[0]
            p.complain(f"Connecting to {host} ({address}:{host.partition(':')[2] or '80'})")
        answer = await p.net.http("POST" if body else "GET", url, headers=headers, body=body, timeout_s=timeout_s)
    except socket.gaierror:
        p.complain(f"wget: bad address '{host}'")
        return 1
    except TimeoutError:
        p.complain("wget: download timed out")
        return 1
    except OSError as error:
        p.complain(f"wget: can't connect to remote host ({host.partition(':')[0]}): {error.strerror}")
        return 1
    except ValueError:
        p.complain(f"wget: not an http or ftp url: {url}")
        return 1
    return _wgot(p, answer, url, found, quiet)


def _wgot(p: Process, answer: http.Answer, url: str, found: dict[str, str], quiet: bool) -> int:
    if "S" in found:
        p.complain(f"  HTTP/1.1 {answer.status} {http.reason(answer.status)}")
        for name, value in answer.headers.items():
            p.complain(f"  {name.title()}: {value}")
    if answer.status >= 400:
        p.complain(f"wget: server returned error: HTTP/1.1 {answer.status} {http.reason(answer.status)}")
        return 1
    if "spider" in found:
        return 0
    target = found.get("O") or (url.split("://", 1)[1].partition("/")[2].rpartition("/")[2] or "index.html")
    if target == "-":
        p.stdout.write(answer.body)
        return 0
    p.fs.write(p.path(target), answer.body, now_s=p.clock.time())
    if not quiet:
        p.complain(
            f"saving to '{target}'\n{target:<20} 100% |{'*' * 32}| {len(answer.body):>5}  0:00:00 ETA\n'{target}' saved"
        )
    return 0


async def curl(p: Process) -> int:
    """-s -S -f -i -I -L -k -v -o FILE -X METHOD -d DATA -H HEADER -m SECONDS -w FORMAT."""
    headers = {"User-Agent": "curl/8.16.0", "Accept": "*/*"}
    argv = list(p.argv)
    for index, word in enumerate(argv[:-1]):
        if word in ("-H", "--header") and ":" in argv[index + 1]:
            name, _, value = argv[index + 1].partition(":")
            headers[name.strip()] = value.strip()
    p.argv = [_LONG.get(word, word) for word in argv]
    found, operands = options(
        p, "sSfiILkvgN46#", "oXdHmwuxrTA", words=("connect-timeout", "retry", "http1.1", "fail-with-body")
    )
    if not operands:
        p.complain("curl: (2) no URL specified")
        return 2
    url = _url(operands[0])
    body = found.get("d", "").encode()
    method = found.get("X") or ("HEAD" if "I" in found else "POST" if body else "GET")
    if body:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    host, _, port = _host(url).partition(":")
    limit = seconds(found.get("m") or "300")
    started_s = p.clock.time()
    try:
        answer = await p.net.http(method, url, headers=headers, body=body, timeout_s=limit)
    except socket.gaierror:
        return _curl_failed(p, found, 6, f"Could not resolve host: {host}")
    except TimeoutError:
        spent_ms = int((p.clock.time() - started_s) * 1000)
        return _curl_failed(p, found, 28, f"Connection timed out after {spent_ms} milliseconds")
    except OSError:
        return _curl_failed(
            p, found, 7, f"Failed to connect to {host} port {port or 80} after 0 ms: Could not connect to server"
        )
    except ValueError:
        return _curl_failed(p, found, 1, f'Protocol "{url.partition(":")[0]}" not supported')
    return _curl_got(p, found, answer)


_LONG = {
    "--silent": "-s", "--show-error": "-S", "--fail": "-f", "--include": "-i", "--head": "-I", "--location": "-L",
    "--output": "-o", "--request": "-X", "--data": "-d", "--header": "-H", "--max-time": "-m", "--write-out": "-w",
    "--insecure": "-k", "--verbose": "-v", "--user": "-u",
}  # fmt: skip


def _curl_failed(p: Process, found: dict[str, str], code: int, text: str) -> int:
    if "s" not in found or "S" in found:
        p.complain(f"curl: ({code}) {text}")
    if "w" in found:
        p.print(found["w"].replace("%{http_code}", "000").replace("\\n", "\n"), end="")
    return code


def _curl_got(p: Process, found: dict[str, str], answer: http.Answer) -> int:
    if "f" in found and answer.status >= 400:
        return _curl_failed(p, found, 22, f"The requested URL returned error: {answer.status}")
    if "i" in found or "I" in found:
        p.print(f"HTTP/1.1 {answer.status} {http.reason(answer.status)}\r")
        for name, value in answer.headers.items():
            p.print(f"{name}: {value}\r")
        p.print("\r")
    if "o" in found:
        p.fs.write(p.path(found["o"]), answer.body, now_s=p.clock.time())
    else:
        p.stdout.write(answer.body)
    if "w" in found:
        p.print(found["w"].replace("%{http_code}", str(answer.status)).replace("\\n", "\n"), end="")
    return 0


async def nslookup(p: Process) -> int:
    kind = "A"
    for argument in p.argv[1:]:
        if argument.startswith(("-type=", "-query=")):
            kind = argument.partition("=")[2].upper()
    operands = [argument for argument in p.argv[1:] if not argument.startswith("-")]
    if not operands:
        p.complain("Usage: nslookup [-type=QUERY_TYPE] HOST")
        return 1
    try:
        answer = await p.net.namespace.resolve(operands[0], kind)
    except TimeoutError:
        p.complain(";; connection timed out; no servers could be reached")
        return 1
    except socket.gaierror as error:
        server = str(getattr(error, "server", ""))
        if server:
            p.print(f"Server:\t\t{server}\nAddress:\t{server}:53\n")
        p.print(f"** server can't find {operands[0]}: NXDOMAIN\n")
        return 1
    p.print(f"Server:\t\t{answer.server}\nAddress:\t{answer.server}:53\n")
    for record in answer.records:
        p.print(f"Name:\t{answer.name}\nAddress: {record}" if kind in ("A", "AAAA") else f"{answer.name}\t{record}")
    p.print()
    return 0


async def nc(p: Process) -> int:
    """``nc HOST PORT``, -z to probe, -w SECONDS, ``-l -p PORT`` to listen once."""
    found, operands = options(p, "zvlkun", "wpe")
    if "l" in found:
        return await _nc_listen(p, int(found.get("p") or (operands[-1] if operands else 0)), keep="k" in found)
    if len(operands) < 2:
        p.complain("Usage: nc [OPTIONS] HOST PORT")
        return 1
    host, port = operands[0], int(operands[1])
    try:
        connection = await p.net.dial(host, port, timeout_s=float(found.get("w", 127)))
    except socket.gaierror:
        p.complain(f"nc: bad address '{host}'")
        return 1
    except OSError as error:
        p.complain(f"nc: {host} ({host}:{port}): {error.strerror or 'Connection timed out'}")
        return 1
    if "v" in found:
        p.complain(f"{host} ({connection.remote[0]}:{port}) open")
    if "z" not in found:
        await _carry(p, connection)
    connection.close()
    return 0


async def _carry(p: Process, connection: Connection) -> None:
    """stdin to the other side and what it sends to stdout, until it closes."""

    async def send() -> None:
        while data := await p.stdin.read():
            await connection.write(data)

    sending = asyncio.get_running_loop().create_task(send())
    try:
        while data := await connection.read():
            p.stdout.write(data)
    except ConnectionError:
        return
    finally:
        sending.cancel()


async def _nc_listen(p: Process, port: int, *, keep: bool) -> int:
    finished: asyncio.Queue[None] = asyncio.Queue()

    async def connected(connection: Connection) -> None:
        child = p.child(p.argv, stdin=p.stdin if not keep else Pipe(closed=True))
        await _carry(child, connection)
        connection.close()
        finished.put_nowait(None)

    try:
        listener = p.net.listen(port, connected)
    except OSError as error:
        p.complain(f"nc: bind: {error.strerror}")
        return 1
    await finished.get()
    while keep:
        await finished.get()
    listener.close()
    return 0


async def ping(p: Process) -> int:
    """Asks whether the address is there; -c COUNT (without it, for ever)."""
    found, operands = options(p, "q46", "cWwi")
    if not operands:
        p.complain("Usage: ping [OPTIONS] HOST")
        return 1
    try:
        address = (await p.net.resolve(operands[0]))[0]
    except OSError:
        p.complain(f"ping: bad address '{operands[0]}'")
        return 1
    p.print(f"PING {operands[0]} ({address}): 56 data bytes")
    sent = received = 0
    count = int(found.get("c", "1000000000"))
    while sent < count:
        if await _alive(p, address):
            p.print(f"64 bytes from {address}: seq={sent} ttl=62 time=0.100 ms")
            received += 1
        sent += 1
        if sent < count:
            await p.sleep(1)
    p.print(f"\n--- {operands[0]} ping statistics ---")
    p.print(f"{sent} packets transmitted, {received} packets received, {100 * (sent - received) // sent}% packet loss")
    return int(not received)


async def _alive(p: Process, address: str) -> bool:
    """A host that refuses a connection is there."""
    try:
        (await p.net.dial(address, 7, timeout_s=1)).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


TOOLS: dict[str, Main] = {
    "wget": wget,
    "nslookup": nslookup,
    "nc": nc,
    "ping": ping,
}
