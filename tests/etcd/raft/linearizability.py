"""Is a history of concurrent operations on a register linearizable? A search after Wing and Gong, with Lowe's memo."""

from typing import NamedTuple

#: The end of an operation of which nobody knows whether it was carried out.
NEVER = float("inf")


class Operation(NamedTuple):
    """verb: ``put`` (argument: value), ``get`` (result: value), ``cas`` (argument: (old, new), result: done or not)."""

    began: float
    ended: float
    verb: str
    argument: object
    result: object


def applied(state: object, op: Operation) -> tuple[bool, object]:
    """Whether `op` may happen in `state` with its result, and the state after it. An unknown result fits always."""
    unknown = op.ended == NEVER
    match op.verb:
        case "put":
            return True, op.argument
        case "get":
            return unknown or op.result == state, state
        case "cas":
            assert isinstance(op.argument, tuple)
            old, new = op.argument
            done = state == old
            return unknown or op.result == done, new if done else state
    raise AssertionError(op.verb)


def is_linearizable(history: list[Operation], initial: object = None) -> bool:
    """Whether some order of the operations that respects their times explains every result."""
    ops = sorted(history, key=lambda op: (op.began, op.ended))
    full = sum(1 << n for n, op in enumerate(ops) if op.ended != NEVER)
    seen: set[tuple[int, object]] = set()
    stack = [(0, initial)]
    while stack:
        done, state = stack.pop()
        if done & full == full:
            return True
        if (done, state) in seen:
            continue
        seen.add((done, state))
        horizon = min(op.ended for n, op in enumerate(ops) if not done >> n & 1)
        for n, op in enumerate(ops):
            if op.began > horizon:
                break
            if not done >> n & 1:
                possible, after = applied(state, op)
                if possible:
                    stack.append((done | 1 << n, after))
    return False
