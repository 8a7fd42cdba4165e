"""``etcdctl auth enable | disable | status``. Models auth_command.go."""

import contextlib

from kube_nb.etcd.auth import ROOT, RoleExists, RootRoleMissing
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.printers.printer import AuthText
from kube_nb.etcdctl.result import CommandError, Exit


def _no_arguments(call: Call, name: str) -> None:
    if call.args:
        raise CommandError(f"auth {name} command does not accept any arguments", Exit.BAD_ARGS)


async def _enable(call: Call) -> None:
    """Give the user root the role root on the way, if it lacks it."""
    _no_arguments(call, "enable")
    try:
        await call.authority.auth_change("enable")
    except RootRoleMissing:
        with contextlib.suppress(RoleExists):
            await call.authority.auth_change("role_add", ROOT)
        await call.authority.auth_change("user_grant_role", ROOT, ROOT)
        await call.authority.auth_change("enable")
    call.out("Authentication Enabled\n")


async def _disable(call: Call) -> None:
    _no_arguments(call, "disable")
    await call.authority.auth_change("disable")
    call.out("Authentication Disabled\n")


async def _status(call: Call) -> None:
    _no_arguments(call, "status")
    enabled, revision = await call.authority.auth_status()
    shown = "true" if enabled else "false"
    text = f"Authentication Status: {shown}\nAuthRevision: {revision}\n"
    await call.show(AuthText(text, {"enabled": enabled, "authRevision": revision}))


ENABLE = Command("auth enable", "enable", "Enables authentication", _enable)
DISABLE = Command("auth disable", "disable", "Disables authentication", _disable)
STATUS = Command("auth status", "status", "Returns authentication status", _status)
