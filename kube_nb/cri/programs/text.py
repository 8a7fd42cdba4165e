"""Commands on text: echo, grep, sed, sort and the like."""

import base64 as base64_codec
import hashlib
import re

from kube_nb.cri.process import Main, Pipe, Process
from kube_nb.cri.programs.arguments import inputs, options

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "a": "\a", "b": "\b", "0": "\0", "e": "\x1b"}
#: A substitution s/old/new/flags with any separator.
_SUBSTITUTE = re.compile(r"s(.)((?:\\.|(?!\1).)*)\1((?:\\.|(?!\1).)*)\1([gpi]*)")


def _unescape(text: str) -> str:
    return re.sub(r"\\([ntr\\ab0e])", lambda match: _ESCAPES[match[1]], text)


async def echo(p: Process) -> int:
    words = p.argv[1:]
    flags = ""
    while words and re.fullmatch(r"-[neE]+", words[0]):
        flags += words.pop(0)[1:]
    text = " ".join(words)
    p.print(_unescape(text) if "e" in flags else text, end="" if "n" in flags else "\n")
    return 0


async def printf(p: Process) -> int:
    """%s %d %i %f %x %o %c %b %%, with widths; the format repeats while arguments are left."""
    if len(p.argv) < 2:
        p.complain("printf: usage: printf FORMAT [ARG]...")
        return 1
    pattern, arguments = _unescape(p.argv[1]), p.argv[2:]
    output = []
    while True:
        taken = len(arguments)

        def one(match: re.Match[str]) -> str:
            if match[2] == "%":
                return "%"
            value = arguments.pop(0) if arguments else ""
            if match[2] in "dioxX":
                return (match[1] + match[2].replace("i", "d")) % int(value or "0", 0)
            if match[2] in "fge":
                return (match[1] + match[2]) % float(value or "0")
            return (match[1] + "s") % (_unescape(value) if match[2] == "b" else value[:1] if match[2] == "c" else value)

        try:
            output.append(re.sub(r"(%[-+ 0#]*\d*(?:\.\d+)?)([sdioxXfgecb%])", one, pattern))
        except ValueError:
            p.complain("printf: invalid number")
            return 1
        if not arguments or len(arguments) == taken:
            break
    p.print("".join(output), end="")
    return 0


async def head(p: Process) -> int:
    if len(p.argv) > 1 and re.fullmatch(r"-\d+", p.argv[1]):
        p.argv[1:2] = ["-n", p.argv[1][1:]]
    found, operands = options(p, "q", "nc")
    if "c" in found or operands:
        contents, status = await inputs(p, operands)
        for _, data in contents:
            lines = data.splitlines(keepends=True)
            p.stdout.write(data[: int(found["c"])] if "c" in found else b"".join(lines[: int(found.get("n", 10))]))
        return status
    for _ in range(int(found.get("n", 10))):
        line = await p.stdin.read_line()
        if not line:
            break
        p.stdout.write(line)
    p.stdin.reader_gone = True
    return 0


async def tail(p: Process) -> int:
    """With -f it follows a file that grows, looking once a second; /dev/null for ever, at no cost."""
    if len(p.argv) > 1 and re.fullmatch(r"-\d+", p.argv[1]):
        p.argv[1:2] = ["-n", p.argv[1][1:]]
    found, operands = options(p, "fFq", "nc", words=("follow",))
    contents, status = await inputs(p, operands)
    for _, data in contents:
        lines = data.splitlines(keepends=True)
        count = int(found.get("n", "10").lstrip("+-") or 0)
        p.stdout.write(b"".join(lines[len(lines) - min(count, len(lines)) :]))
    if not {"f", "F"} & {*found}:
        return status
    if operands in ([], ["/dev/null"]):
        return await p.forever()
    seen = {path: len(data) for path, data in contents}
    while True:
        await p.sleep(1)
        for path in operands:
            data = p.fs.read(p.path(path)) if p.fs.exists(p.path(path)) else b""
            p.stdout.write(data[seen.get(path, 0) :])
            seen[path] = len(data)


async def grep(p: Process) -> int:
    found, operands = options(p, "ivcnqEFrolwHhsx", "eA")
    patterns = [found["e"]] if "e" in found else operands[:1]
    operands = operands if "e" in found else operands[1:]
    if not patterns:
        p.complain("Usage: grep PATTERN [FILE]...")
        return 2
    text = re.escape(patterns[0]) if "F" in found else patterns[0] if "E" in found else _basic(patterns[0])
    text = rf"\b(?:{text})\b" if "w" in found else text
    try:
        pattern = re.compile(text, re.IGNORECASE if "i" in found else 0)
    except re.error as error:
        p.complain(f"grep: bad regex '{patterns[0]}': {error}")
        return 2
    if not operands and not {"c", "q", "l"} & {*found}:
        return await _grep_stream(p, pattern, found)
    contents, status = await inputs(p, operands)
    total = 0
    for path, data in contents:
        lines = data.decode(errors="replace").splitlines()
        hits = [(number, line) for number, line in enumerate(lines, 1) if _hit(pattern, line, found)]
        total += len(hits)
        prefix = f"{path}:" if len(contents) > 1 and "h" not in found else ""
        if "q" in found:
            continue
        if "c" in found or "l" in found:
            p.print(f"{prefix}{len(hits)}" if "c" in found else path)
            continue
        for number, line in hits:
            p.print(prefix + (f"{number}:" if "n" in found else "") + line)
    return status if status else int(not total)


def _hit(pattern: re.Pattern[str], line: str, found: dict[str, str]) -> bool:
    match = pattern.fullmatch(line) if "x" in found else pattern.search(line)
    return (match is None) == ("v" in found)


async def _grep_stream(p: Process, pattern: re.Pattern[str], found: dict[str, str]) -> int:
    """From stdin, line by line, as the lines come."""
    number = hits = 0
    while line := await p.stdin.read_line():
        number += 1
        text = line.decode(errors="replace").rstrip("\n")
        if not _hit(pattern, text, found):
            continue
        hits += 1
        if "o" in found:
            for match in pattern.finditer(text):
                p.print(match[0])
        else:
            p.print((f"{number}:" if "n" in found else "") + text)
    return int(not hits)


def _basic(pattern: str) -> str:
    r"""A basic regular expression as Python's: ``\|``, ``\(``, ``\+`` are operators, bare ones are not."""
    return re.sub(r"\\?[|(){}+?]", lambda m: m[0][1:] if len(m[0]) > 1 else "\\" + m[0], pattern)


async def sed(p: Process) -> int:
    """``s`` commands, ``p`` and ``d`` on line numbers or /patterns/, -n, -i, -e."""
    found, operands = options(p, "nriE", "e")
    commands = [found["e"]] if "e" in found else operands[:1]
    operands = operands if "e" in found else operands[1:]
    contents, status = await inputs(p, operands)
    for path, data in contents:
        lines = [
            _edit(p, line, number, commands[0], found) for number, line in enumerate(data.decode().splitlines(), 1)
        ]
        output = "".join(line + "\n" for line in lines if line is not None).encode()
        if "i" in found and path != "-":
            p.fs.write(p.path(path), output, now_s=p.clock.time())
        else:
            p.stdout.write(output)
    return status


def _edit(p: Process, line: str, number: int, script: str, found: dict[str, str]) -> str | None:
    result: str | None = None if "n" in found else line
    for command in script.split(";"):
        command = command.strip()
        substitute = _SUBSTITUTE.fullmatch(command)
        if substitute:
            _, old, new, flags = substitute.groups()
            pattern = re.compile(old if {"r", "E"} & {*found} else _basic(old), re.IGNORECASE if "i" in flags else 0)
            line = pattern.sub(re.sub(r"&", r"\\g<0>", new), line, count=0 if "g" in flags else 1)
            result = result if result is None and "p" not in flags else line
            continue
        address = re.fullmatch(r"(?:(\d+)(?:,(\d+|\$))?|/(.*)/|(\$))?([pdq])", command)
        if address is None:
            p.complain(f"sed: unsupported command {command}")
            return None
        first, last, pattern_text, _, verb = address.groups()
        end = float("inf") if last == "$" else int(last or first or 0)
        here = (int(first) <= number <= end) if first else not pattern_text or bool(re.search(pattern_text, line))
        if here:
            result = line if verb == "p" else None if verb == "d" else result
    return result


async def sort(p: Process) -> int:
    found, operands = options(p, "rnuhf", "kt")
    contents, status = await inputs(p, operands)
    lines = [line for _, data in contents for line in data.decode(errors="replace").splitlines()]

    def key(line: str) -> tuple[float, str]:
        field = line
        if "k" in found:
            fields = line.split(found.get("t"))
            column = int(re.split(r"\D", found["k"])[0])
            field = fields[column - 1] if column <= len(fields) else ""
        number = re.match(r"\s*-?\d+(\.\d+)?", field)
        return (float(number[0]) if number and {"n", "h"} & {*found} else 0.0, field)

    lines.sort(key=key, reverse="r" in found)
    for line in dict.fromkeys(lines) if "u" in found else lines:
        p.print(line)
    return status


async def uniq(p: Process) -> int:
    found, operands = options(p, "cdu")
    contents, status = await inputs(p, operands[:1])
    runs: list[list[str]] = []
    for line in (line for _, data in contents for line in data.decode(errors="replace").splitlines()):
        if runs and runs[-1][0] == line:
            runs[-1].append(line)
        else:
            runs.append([line])
    for run in runs:
        if ("d" in found and len(run) < 2) or ("u" in found and len(run) > 1):
            continue
        p.print(f"{len(run):>7} {run[0]}" if "c" in found else run[0])
    return status


async def cut(p: Process) -> int:
    found, operands = options(p, "s", "dfc")
    contents, status = await inputs(p, operands)
    ranges = []
    for part in (found.get("f") or found.get("c") or "1").split(","):
        low, dash, high = part.partition("-")
        ranges.append((int(low or 1), int(high) if high else (10**9 if dash else int(low))))
    for line in (line for _, data in contents for line in data.decode(errors="replace").splitlines()):
        delimiter = found.get("d", "\t")
        fields = list(line) if "c" in found else line.split(delimiter)
        if len(fields) == 1 and "c" not in found:
            p.print(line)
            continue
        picked = [field for i, field in enumerate(fields, 1) if any(low <= i <= high for low, high in ranges)]
        p.print(("" if "c" in found else delimiter).join(picked))
    return status


def _set(text: str) -> str:
    classes = {"[:upper:]": "A-Z", "[:lower:]": "a-z", "[:digit:]": "0-9", "[:space:]": " \t\n"}
    for name, members in classes.items():
        text = text.replace(name, members)
    spans = re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), _unescape(text))
    return spans


async def tr(p: Process) -> int:
    found, operands = options(p, "dsc")
    first = _set(operands[0]) if operands else ""
    second = _set(operands[1]) if len(operands) > 1 else ""
    while chunk := await p.stdin.read():
        text = chunk.decode(errors="replace")
        if "d" in found:
            text = "".join(c for c in text if (c in first) == ("c" in found))
        elif second:
            text = text.translate({ord(c): second[min(i, len(second) - 1)] for i, c in enumerate(first)})
        if "s" in found:
            squeezed = second or first
            text = re.sub(rf"([{re.escape(squeezed)}])\1+", r"\1", text)
        p.print(text, end="")
    return 0


async def seq(p: Process) -> int:
    found, operands = options(p, "w", "s")
    numbers = [float(operand) if "." in operand else int(operand) for operand in operands]
    first, step, last = (
        (1, 1, *numbers) if len(numbers) == 1 else (numbers[0], 1, *numbers[1:]) if len(numbers) == 2 else numbers
    )
    if step == 0:
        return 1
    count = max(0, min(int((last - first) / step + 1e-9) + 1, 1_000_000))
    values = [
        f"{first + step * index:g}" if isinstance(step, float) else str(first + step * index) for index in range(count)
    ]
    if values:
        p.print(found.get("s", "\n").join(values))
    return 0


async def base64(p: Process) -> int:
    found, operands = options(p, "d", "w", words=("decode",))
    contents, status = await inputs(p, operands)
    for _, data in contents:
        if {"d", "decode"} & {*found}:
            p.stdout.write(base64_codec.b64decode(data))
        else:
            text = base64_codec.b64encode(data).decode()
            width = int(found.get("w", 76))
            p.print(text if not width else "\n".join(text[i : i + width] for i in range(0, len(text), width)))
    return status


async def digest(p: Process) -> int:
    name = p.argv[0].rpartition("/")[2].removesuffix("sum")
    _, operands = options(p)
    contents, status = await inputs(p, operands)
    for path, data in contents:
        p.print(f"{hashlib.new(name, data).hexdigest()}  {path}")
    return status


async def xargs(p: Process) -> int:
    found, operands = options(p, "r0t", "nI")
    words = (await p.stdin.read_all()).decode(errors="replace").split("\0" if "0" in found else None)
    command = operands or ["echo"]
    if "I" in found:
        groups = [[word.replace(found["I"], item) for word in command] for item in words]
    else:
        size = int(found.get("n", len(words) or 1))
        groups = [command + words[i : i + size] for i in range(0, len(words), size)]
    status = 0
    for group in groups:
        p.stdin = Pipe(closed=True)
        status = await p.run(group) or status
    return status


async def awk(p: Process) -> int:
    """``{print $1, $NF}`` with -F and an optional /pattern/ before it."""
    found, operands = options(p, "", "F")
    program = re.fullmatch(
        r"\s*(?:/(.*)/\s*)?(?:(NR\s*[<>=!]=?\s*\d+)\s*)?\{\s*print\s*(.*?);?\s*\}\s*", operands[0] if operands else ""
    )
    if program is None:
        p.complain("awk: only '{print ...}' programs are supported here")
        return 2
    contents, status = await inputs(p, operands[1:])
    pattern, condition, shown = program.groups()
    lines = [line for _, data in contents for line in data.decode(errors="replace").splitlines()]
    for number, line in enumerate(lines, 1):
        if pattern and not re.search(pattern, line):
            continue
        if condition and not _row(condition, number):
            continue
        fields = line.split(found.get("F"))
        p.print(*[_column(item.strip(), line, fields, number) for item in shown.split(",")] if shown else [line])
    return status


def _row(condition: str, number: int) -> bool:
    operator, wanted = re.findall(r"[<>=!]=?|\d+", condition)
    value = int(wanted)
    return {"==": number == value, "!=": number != value, ">": number > value, "<": number < value}.get(
        operator, number >= value if operator == ">=" else number <= value
    )


def _column(item: str, line: str, fields: list[str], number: int) -> str:
    if item.startswith('"'):
        return item.strip('"')
    if item in ("NR", "NF"):
        return str(number if item == "NR" else len(fields))
    index = len(fields) if item == "$NF" else int(item[1:]) if re.fullmatch(r"\$\d+", item) else -1
    if index == 0:
        return line
    return fields[index - 1] if 0 < index <= len(fields) else ""


TOOLS: dict[str, Main] = {
    "echo": echo,
    "printf": printf,
    "head": head,
    "tail": tail,
    "grep": grep,
    "sed": sed,
    "sort": sort,
    "uniq": uniq,
    "cut": cut,
    "tr": tr,
    "seq": seq,
    "base64": base64,
    "xargs": xargs,
    "awk": awk,
    "egrep": grep,
    "md5sum": digest,
    "sha1sum": digest,
    "sha256sum": digest,
}
