"""StatefulSets: pods with names, ordinals and claims of their own, made in order and replaced in reverse.

::

    controller (watches; one key a set) --> syncing (which pod is made, kept, deleted next; the rolling update)
                                            |-> identity (names, ordinals, labels; a pod of a revision's template)
                                            |-> claims   (volume claims: made before their pod, kept or owned by policy)
                                            '-> status   (what is there)
                                        --> controllers.history (ControllerRevisions)

OrderedReady does one thing at a time and waits for it; Parallel does all at once. Which revision a new pod has is its
ordinal's against the partition. Models pkg/controller/statefulset.
"""

from kube_nb.controllers.statefulset.controller import StatefulSetController

__all__ = ["StatefulSetController"]
