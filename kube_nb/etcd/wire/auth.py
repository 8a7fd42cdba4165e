"""The Auth service, and finding out who calls."""

from typing import Any

from kube_nb.etcd import auth
from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.wire.calls import Context, Method
from kube_nb.etcd.wire.service import Service, unary


class Auth(Service):
    """Users, roles, the switch, and tokens."""

    name = "etcdserverpb.Auth"

    def methods(self) -> dict[str, Method]:
        return {
            "AuthEnable": unary(pb.AuthEnableRequest, self.enable),
            "AuthDisable": unary(pb.AuthDisableRequest, self.disable),
            "AuthStatus": unary(pb.AuthStatusRequest, self.status),
            "Authenticate": unary(pb.AuthenticateRequest, self.authenticate),
            "UserAdd": unary(pb.AuthUserAddRequest, self.user_add),
            "UserGet": unary(pb.AuthUserGetRequest, self.user_get),
            "UserList": unary(pb.AuthUserListRequest, self.user_list),
            "UserDelete": unary(pb.AuthUserDeleteRequest, self.user_delete),
            "UserChangePassword": unary(pb.AuthUserChangePasswordRequest, self.user_change_password),
            "UserGrantRole": unary(pb.AuthUserGrantRoleRequest, self.user_grant_role),
            "UserRevokeRole": unary(pb.AuthUserRevokeRoleRequest, self.user_revoke_role),
            "RoleAdd": unary(pb.AuthRoleAddRequest, self.role_add),
            "RoleGet": unary(pb.AuthRoleGetRequest, self.role_get),
            "RoleList": unary(pb.AuthRoleListRequest, self.role_list),
            "RoleDelete": unary(pb.AuthRoleDeleteRequest, self.role_delete),
            "RoleGrantPermission": unary(pb.AuthRoleGrantPermissionRequest, self.role_grant_permission),
            "RoleRevokePermission": unary(pb.AuthRoleRevokePermissionRequest, self.role_revoke_permission),
        }

    async def _change(self, context: Context, method: str, *arguments: Any) -> pb.AuthChangeResponse:
        """One change of the auth store; only root may, once auth is on."""
        self.guarded(context).check_root()
        await self.member.auth_change(method, *arguments)
        return pb.AuthChangeResponse(header=self.header())

    async def enable(self, request: pb.AuthEnableRequest, context: Context) -> pb.AuthChangeResponse:
        return await self._change(context, "enable")

    async def disable(self, request: pb.AuthDisableRequest, context: Context) -> pb.AuthChangeResponse:
        return await self._change(context, "disable")

    async def status(self, request: pb.AuthStatusRequest, context: Context) -> pb.AuthStatusResponse:
        store = self.member.store.auth
        return pb.AuthStatusResponse(header=self.header(), enabled=store.enabled, authRevision=store.revision)

    async def authenticate(self, request: pb.AuthenticateRequest, context: Context) -> pb.AuthenticateResponse:
        self.member.store.auth.check_password(request.name, request.password)
        return pb.AuthenticateResponse(header=self.header(), token=self.tokens.issue(request.name))

    async def user_add(self, request: pb.AuthUserAddRequest, context: Context) -> pb.AuthChangeResponse:
        password = "" if request.options.no_password else self.tokens.hashed(request.password)
        return await self._change(context, "user_add", request.name, password)

    async def user_get(self, request: pb.AuthUserGetRequest, context: Context) -> pb.AuthUserGetResponse:
        self.guarded(context).check_user(request.name)
        user = self.member.store.auth.user(request.name)
        return pb.AuthUserGetResponse(header=self.header(), roles=user.roles)

    async def user_list(self, request: pb.AuthUserListRequest, context: Context) -> pb.AuthUserListResponse:
        self.guarded(context).check_root()
        return pb.AuthUserListResponse(header=self.header(), users=sorted(self.member.store.auth.users))

    async def user_delete(self, request: pb.AuthUserDeleteRequest, context: Context) -> pb.AuthChangeResponse:
        return await self._change(context, "user_delete", request.name)

    async def user_change_password(
        self, request: pb.AuthUserChangePasswordRequest, context: Context
    ) -> pb.AuthChangeResponse:
        return await self._change(context, "user_change_password", request.name, self.tokens.hashed(request.password))

    async def user_grant_role(self, request: pb.AuthUserGrantRoleRequest, context: Context) -> pb.AuthChangeResponse:
        return await self._change(context, "user_grant_role", request.user, request.role)

    async def user_revoke_role(self, request: pb.AuthUserRevokeRoleRequest, context: Context) -> pb.AuthChangeResponse:
        return await self._change(context, "user_revoke_role", request.name, request.role)

    async def role_add(self, request: pb.AuthRoleAddRequest, context: Context) -> pb.AuthChangeResponse:
        return await self._change(context, "role_add", request.name)

    async def role_get(self, request: pb.AuthRoleGetRequest, context: Context) -> pb.AuthRoleGetResponse:
        self.guarded(context).check_role(request.role)
        found = self.member.store.auth.role(request.role)
        permissions = [
            pb.Permission(permType=int(each.access), key=each.key, range_end=each.range_end) for each in found
        ]
        return pb.AuthRoleGetResponse(header=self.header(), perm=permissions)

    async def role_list(self, request: pb.AuthRoleListRequest, context: Context) -> pb.AuthRoleListResponse:
        self.guarded(context).check_root()
        return pb.AuthRoleListResponse(header=self.header(), roles=sorted(self.member.store.auth.roles))

    async def role_delete(self, request: pb.AuthRoleDeleteRequest, context: Context) -> pb.AuthChangeResponse:
        return await self._change(context, "role_delete", request.role)

    async def role_grant_permission(
        self, request: pb.AuthRoleGrantPermissionRequest, context: Context
    ) -> pb.AuthChangeResponse:
        if not request.HasField("perm"):
            raise auth.PermissionNotGiven
        permission = auth.Permission(auth.Access(request.perm.permType), request.perm.key, request.perm.range_end)
        return await self._change(context, "role_grant_permission", request.name, permission)

    async def role_revoke_permission(
        self, request: pb.AuthRoleRevokePermissionRequest, context: Context
    ) -> pb.AuthChangeResponse:
        return await self._change(context, "role_revoke_permission", request.role, request.key, request.range_end)
