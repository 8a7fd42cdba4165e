"""``kubectl describe``'s texts: an object, what belongs to it, and its events, for people to read.

A kind's text is one coroutine ``(subject) -> None`` that writes into ``subject.out``; `registry.text` finds it by group
and kind, or takes `generic`. Families of kinds share a module; what they have in common stands in `writer` (columns,
labels, times), `containers`, `volumes`, `pod_template` and `events`. Read `writer`, then `services`.
Models kubectl pkg/describe/describe.go.
"""

from kube_nb.kubectl.describe.registry import text

__all__ = ["text"]
