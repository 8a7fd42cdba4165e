"""``etcdctl role ...``. Models role_command.go."""

from kube_nb.etcd.auth import Access, Permission
from kube_nb.etcd.backend import prefix_end
from kube_nb.etcdctl import golang
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.printers.printer import AuthText
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.machinery.pflag import Flag

_KINDS = {"READ": Access.READ, "WRITE": Access.WRITE, "READWRITE": Access.READWRITE}


def _name(call: Call, verb: str) -> str:
    if len(call.args) != 1:
        raise CommandError(f"role {verb} command requires role name as its argument", Exit.BAD_ARGS)
    return call.args[0]


async def _add(call: Call) -> None:
    name = _name(call, "add")
    await call.authority.auth_change("role_add", name)
    await call.show(AuthText(f"Role {name} created\n", {}))


async def _delete(call: Call) -> None:
    name = _name(call, "delete")
    await call.authority.auth_change("role_delete", name)
    await call.show(AuthText(f"Role {name} deleted\n", {}))


async def _list(call: Call) -> None:
    if call.args:
        raise CommandError("role list command requires no arguments", Exit.BAD_ARGS)
    names = await call.authority.role_names()
    lines = (("Roles", " ".join(map(golang.quote, names))),)
    await call.show(AuthText("".join(f"{name}\n" for name in names), {"roles": names} if names else {}, lines))


async def _get(call: Call) -> None:
    name = _name(call, "get")
    await call.show(await described(call, name))


async def described(call: Call, name: str) -> AuthText:
    """A role and what it may read and write."""
    found = await call.authority.role_permissions(name)
    rows = [{"permType": int(p.access), "key": p.key, "range_end": p.range_end} for p in found]
    lines = [
        pair
        for p in found
        for pair in (
            ("PermType", f" {p.access.name}"),
            ("Key", golang.quote(p.key)),
            ("RangeEnd", golang.quote(p.range_end)),
        )
    ]
    return AuthText(_text(name, found), {"perm": rows} if rows else {}, tuple(lines))


def _text(name: str, found: list[Permission]) -> str:
    reads = [_interval(p) for p in found if p.access is not Access.WRITE]
    writes = [_interval(p) for p in found if p.access is not Access.READ]
    return f"Role {name}\nKV Read:\n{''.join(reads)}KV Write:\n{''.join(writes)}"


def _interval(permission: Permission) -> str:
    key, end = golang.text(permission.key), golang.text(permission.range_end)
    if not end:
        return f"\t{key}\n"
    shown = f"\t[{key}, <open ended>" if end == "\0" else f"\t[{key}, {end})"
    return shown + (f" (prefix {key})\n" if prefix_end(permission.key) == permission.range_end else "\n")


def _keys(call: Call, args: list[str]) -> tuple[bytes, bytes]:
    """key and range_end of ``KEY [ENDKEY]`` with --prefix or --from-key."""
    key = args[0].encode()
    if len(args) > 1:
        if call["prefix"] or call["from-key"]:
            raise CommandError("unexpected endkey argument with --prefix or --from-key", Exit.BAD_ARGS)
        return key, args[1].encode()
    if call["prefix"] and call["from-key"]:
        raise CommandError("--from-key and --prefix flags are mutually exclusive", Exit.BAD_ARGS)
    if call["prefix"]:
        return (key, prefix_end(key)) if key else (b"\0", b"\0")
    return (key or b"\0", b"\0") if call["from-key"] else (key, b"")


async def _grant_permission(call: Call) -> None:
    if not 3 <= len(call.args) <= 4:
        text = "role grant command requires role name, permission type, and key [endkey] as its argument"
        raise CommandError(text, Exit.BAD_ARGS)
    name, kind, *rest = call.args
    if kind.upper() not in _KINDS:
        raise CommandError(f"invalid permission type: {kind}", Exit.BAD_ARGS)
    await call.authority.auth_change(
        "role_grant_permission", name, Permission(_KINDS[kind.upper()], *_keys(call, rest))
    )
    await call.show(AuthText(f"Role {name} updated\n", {}))


async def _revoke_permission(call: Call) -> None:
    if not 2 <= len(call.args) <= 3:
        text = "role revoke-permission command requires role name and key [endkey] as its argument"
        raise CommandError(text, Exit.BAD_ARGS)
    name, *rest = call.args
    key, end = _keys(call, rest)
    await call.authority.auth_change("role_revoke_permission", name, key, end)
    shown = golang.text(key)
    if not end:
        text = f"Permission of key {shown} is revoked from role {name}\n"
    elif end == b"\0":
        text = f"Permission of range [{shown}, <open ended> is revoked from role {name}\n"
    else:
        text = f"Permission of range [{shown}, {golang.text(end)}) is revoked from role {name}\n"
    await call.show(AuthText(text, {}))


_INTERVAL_FLAGS = (
    Flag("from-key", "bool", help="grant a permission of keys that are greater than or equal to the given key"),
    Flag("prefix", "bool", help="grant a prefix permission"),
)
COMMANDS = (
    Command("role add", "add <role name>", "Adds a new role", _add),
    Command("role delete", "delete <role name>", "Deletes a role", _delete),
    Command("role get", "get <role name>", "Gets detailed information of a role", _get),
    Command("role list", "list", "Lists all roles", _list),
    Command(
        "role grant-permission",
        "grant-permission [options] <role name> <permission type> <key> [endkey]",
        "Grants a key to a role",
        _grant_permission,
        _INTERVAL_FLAGS,
    ),
    Command(
        "role revoke-permission",
        "revoke-permission <role name> <key> [endkey]",
        "Revokes a key from a role",
        _revoke_permission,
        _INTERVAL_FLAGS,
    ),
)
