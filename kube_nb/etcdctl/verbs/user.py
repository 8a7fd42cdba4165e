"""``etcdctl user ...``. Models user_command.go; passwords that are asked for come from stdin."""

from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.printers.printer import AuthText
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.etcdctl.verbs import role
from kube_nb.machinery.pflag import Flag

_INTERACTIVE = Flag("interactive", "bool", True, help="Read password from stdin instead of interactive terminal")


def _arguments(call: Call, count: int, refusal: str) -> list[str]:
    if len(call.args) != count:
        raise CommandError(refusal, Exit.BAD_ARGS)
    return call.args


def _asked(call: Call) -> str:
    """The password from stdin: typed twice if it is a person who types, else the first word."""
    lines = call.stdin.splitlines()
    if not call["interactive"]:
        return "".join(call.stdin.split()[:1])
    if not lines:
        raise CommandError("failed to ask password: EOF.", Exit.BAD_ARGS)
    if lines[0] != (lines[1] if len(lines) > 1 else lines[0]):
        raise CommandError("given passwords are different", Exit.BAD_ARGS)
    return lines[0]


async def _add(call: Call) -> None:
    (given,) = _arguments(call, 1, "user add command requires user name as its argument")
    name, colon, password = given.partition(":")
    if call["no-password"]:
        kept = ""
    elif call["new-user-password"] or colon:
        kept = call.authority.hashed(call["new-user-password"] or password)
    else:
        kept = call.authority.hashed(_asked(call))
    if not name:
        raise CommandError("empty user name is not allowed", Exit.BAD_ARGS)
    await call.authority.auth_change("user_add", name, kept)
    await call.show(AuthText(f"User {name} created\n", {}))


async def _delete(call: Call) -> None:
    (name,) = _arguments(call, 1, "user delete command requires user name as its argument")
    await call.authority.auth_change("user_delete", name)
    await call.show(AuthText(f"User {name} deleted\n", {}))


async def _get(call: Call) -> None:
    (name,) = _arguments(call, 1, "user get command requires user name as its argument")
    roles = await call.authority.user_roles(name)
    if call["detail"]:  # in plain words, whatever form is asked for; the roles in that form
        call.out(f"User: {name}\n")
        for each in roles:
            call.out("\n")
            await call.show(await role.described(call, each))
        return
    text = f"User: {name}\nRoles:{''.join(f' {each}' for each in roles)}\n"
    await call.show(AuthText(text, {"roles": roles} if roles else {}, None))


async def _list(call: Call) -> None:
    _arguments(call, 0, "user list command requires no arguments")
    names = await call.authority.user_names()
    await call.show(AuthText("".join(f"{name}\n" for name in names), {"users": names} if names else {}, None))


async def _passwd(call: Call) -> None:
    (name,) = _arguments(call, 1, "user passwd command requires user name as its argument")
    await call.authority.auth_change("user_change_password", name, call.authority.hashed(_asked(call)))
    await call.show(AuthText("Password updated\n", {}))


async def _grant_role(call: Call) -> None:
    name, granted = _arguments(call, 2, "user grant command requires user name and role name as its argument")
    await call.authority.auth_change("user_grant_role", name, granted)
    await call.show(AuthText(f"Role {granted} is granted to user {name}\n", {}))


async def _revoke_role(call: Call) -> None:
    name, revoked = _arguments(call, 2, "user revoke-role requires user name and role name as its argument")
    await call.authority.auth_change("user_revoke_role", name, revoked)
    await call.show(AuthText(f"Role {revoked} is revoked from user {name}\n", {}))


COMMANDS = (
    Command(
        "user add",
        "add <user name or user:password> [options]",
        "Adds a new user",
        _add,
        (
            _INTERACTIVE,
            Flag("new-user-password", help="Supply password from the command line flag"),
            Flag("no-password", "bool", help="Create a user without password (CN based auth only)"),
        ),
    ),
    Command("user delete", "delete <user name>", "Deletes a user", _delete),
    Command(
        "user get",
        "get <user name> [options]",
        "Gets detailed information of a user",
        _get,
        (Flag("detail", "bool", help="Show permissions of roles granted to the user"),),
    ),
    Command("user list", "list", "Lists all users", _list),
    Command("user passwd", "passwd <user name> [options]", "Changes password of user", _passwd, (_INTERACTIVE,)),
    Command("user grant-role", "grant-role <user name> <role name>", "Grants a role to a user", _grant_role),
    Command("user revoke-role", "revoke-role <user name> <role name>", "Revokes a role from a user", _revoke_role),
)
