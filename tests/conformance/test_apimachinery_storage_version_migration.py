"""Models test/e2e/apimachinery/storage_version_migration.go."""

import kubernetes.client as k8s

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations, check_discovery
from tests.conformance.scenario import Kube


@conformance(
    "[sig-api-machinery] StorageVersionMigration CRUD Tests storagemigration.k8s.io/v1 StorageVersionMigration [Conformance]"
)
def test_migrations_have_every_verb(kube: Kube) -> None:
    check_discovery(kube, "storagemigration.k8s.io", "v1", "storageversionmigrations")
    migrations = Operations(k8s.StoragemigrationV1Api(kube.client), "storage_version_migration")

    def migration() -> dict:
        return {"spec": {"resource": {"group": "e2e.example.com", "resource": "nothings"}}}

    migrations.check(kube, migration)
    name = migrations.create({"metadata": {"generateName": "e2e-"}, **migration()}).metadata.name
    assert migrations.read(name, "status").metadata.name == name
    row = {
        "type": "Running",
        "status": "True",
        "reason": "E2E",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    patched = migrations.patch(name, {"status": {"conditions": [row]}}, "status")
    assert patched.status.conditions[0].reason == "E2E"
    patched.status.conditions[0].message = "updated"
    assert migrations.replace(name, patched, "status").status.conditions[0].message == "updated"
