"""The interval that a key, a range_end and the flags --prefix and --from-key stand for."""

from kube_nb.etcd.backend import prefix_end
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.machinery.pflag import Parsed


def interval(parsed: Parsed) -> tuple[bytes, bytes]:
    """key and range_end of a get or del line."""
    if parsed["prefix"] and parsed["from-key"]:
        raise CommandError("`--prefix` and `--from-key` cannot be set at the same time, choose one", Exit.BAD_ARGS)
    key = parsed.args[0].encode()
    if len(parsed.args) > 1:
        if parsed["prefix"] or parsed["from-key"]:
            raise CommandError(
                "too many arguments, only accept one argument when `--prefix` or `--from-key` is set", Exit.BAD_ARGS
            )
        return key, parsed.args[1].encode()
    if parsed["prefix"]:
        return (key, prefix_end(key)) if key else (b"\0", b"\0")
    if parsed["from-key"]:
        return key or b"\0", b"\0"
    return key, b""
