"""Options of small commands: letters, some with values, then operands."""

from collections.abc import Sequence

from kube_nb.cri.process import Exit, Process


def options(
    p: Process, letters: str = "", valued: str = "", words: Sequence[str] = ()
) -> tuple[dict[str, str], list[str]]:
    """Split ``argv[1:]`` into options and operands.

    letters: flags without a value; valued: flags that take one (``-n 5``, ``-n5``, and in full ``--lines=5`` under the
    name given in `words`). Unknown ones end the program with status 1, as busybox does.
    Returns ({letter or word: value or ""}, operands).
    """
    found: dict[str, str] = {}
    operands: list[str] = []
    rest = list(p.argv[1:])
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            return found, operands + rest
        if argument.startswith("--"):
            word, _, value = argument[2:].partition("=")
            if word not in words:
                raise _unknown(p, argument)
            found[word] = value
        elif argument.startswith("-") and len(argument) > 1:
            _letters(p, argument[1:], letters, valued, rest, found)
        else:
            operands.append(argument)
    return found, operands


def _letters(p: Process, text: str, letters: str, valued: str, rest: list[str], found: dict[str, str]) -> None:
    while text:
        letter, text = text[0], text[1:]
        if letter in valued:
            if not text and not rest:
                p.complain(f"{p.argv[0]}: option requires an argument -- '{letter}'")
                raise Exit(1)
            found[letter] = text or rest.pop(0)
            return
        if letter not in letters:
            raise _unknown(p, f"-{letter}")
        found[letter] = ""


def _unknown(p: Process, option: str) -> Exit:
    name = p.argv[0].rpartition("/")[2]
    p.complain(f"{name}: unrecognized option: {option.lstrip('-')}")
    return Exit(1)


def fail(p: Process, path: str, error: OSError) -> int:
    """``cat: can't open 'x': No such file or directory``; returns status 1."""
    p.complain(f"{p.argv[0].rpartition('/')[2]}: can't open '{path}': {error.strerror}")
    return 1


async def inputs(p: Process, operands: Sequence[str]) -> tuple[list[tuple[str, bytes]], int]:
    """The contents of the files named (``-`` or none: stdin), and the status after complaints."""
    found, status = [], 0
    for path in operands or ["-"]:
        try:
            found.append((path, await p.stdin.read_all() if path == "-" else p.fs.read(p.path(path))))
        except OSError as error:
            status = fail(p, path, error)
    return found, status
