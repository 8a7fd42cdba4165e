"""The official conformance tests of Kubernetes, written anew against a cluster in this process.

Each scenario does what the upstream test of its codename does: on a fresh cluster served over HTTPS, through the official
Python client, with that client's own watches. `codenames.tsv` lists all of them; those without a scenario here count as
"not yet". ``make conformance`` runs them and prints passed, failed and not yet per area.

To add one, write a function in the module of its upstream file (``test/e2e/apimachinery/watch.go`` is
``test_apimachinery_watch.py``)::

    @conformance("[sig-api-machinery] Watchers should ... [Conformance]")
    def test_a_watch_starts_from_a_resource_version(kube: Kube) -> None:
        first = kube.core.create_namespaced_config_map(kube.namespace, {"metadata": {"name": "a"}})
        with kube.watch(kube.core.list_namespaced_config_map, kube.namespace) as events:
            assert events.next().type == "ADDED"

`kube` is a `scenario.Kube`: the client's groups (`kube.core`, `kube.apps`, ...), a namespace of the scenario's own, and the
ways to wait. An unknown codename, or one used twice, is an error at import. ``@conformance(codename, nodes=3)`` asks for
more workers than two.

Time. The cluster runs at ``pace="max"``: its time moves only when nothing else is left to do, so nothing here sleeps:

- `kube.until(listing, condition, ...)` waits by a watch until an object fulfils a condition, as upstream's tests do;
- `kube.watch(...)` is a watch whose `next()` fails after some seconds of real time;
- `kube.settle()` returns when everything that was set in motion has happened (within a minute of cluster time). After it,
  a plain read shows the outcome, and what has not happened will not happen by itself;
- `kube.advance("5m")` lets cluster time pass: leases expire, watches with a timeout end.
"""
