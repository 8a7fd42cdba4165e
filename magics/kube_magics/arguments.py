"""What the commands of ``%kube`` have in common: their flags' meaning, and text as a result."""

from kube_nb.machinery.pflag import Flag, Parsed

#: A revision of the store; 0 is now.
AT = Flag("at", "int", help="as it was at this revision of the store")


class Text(str):
    """Text that a notebook shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def one(flags: Parsed, what: str) -> str:
    if len(flags.args) != 1:
        raise ValueError(f"give {what}")
    return flags.args[0]


def revision(flags: Parsed) -> int | None:
    """What ``--at`` says; None for now."""
    return flags["at"] or None
