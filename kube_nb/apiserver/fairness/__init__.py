"""Priority and fairness: which requests may run at once, and which wait for which.

::

    a request -> FlowSchema (the first that matches: who asks, what for) -> its priority level
        level exempt                       runs
        level with free seats              runs, and gives its seats back when it is answered
        level without, limitResponse Queue waits in one of the queues that its flow is dealt (shuffle sharding);
                                           the queue that has had least of the level's time goes first (fair queuing)
        no room in the queue, too long in it, limitResponse Reject: 429 with Retry-After

Levels lend seats that they do not use. Everything but `Fairness.wait` is plain logic on times that it is given.
`classify` (schemas), `levels` (seats, lending), `queues` (sharding, fair queuing), `bootstrap` (the objects that every
cluster has), `configuration` (follows the stored objects), `inflight` (what is used without all this).

Models apiserver pkg/util/flowcontrol and pkg/server/filters/priority-and-fairness.go. Differs: demand is the peak of
ten seconds, and seats are lent anew when somebody would wait, not every ten seconds; what never waited is not charged
to its queue; a write takes one seat however many watch it; Retry-After is always 1.
"""

from kube_nb.apiserver.fairness.classify import Flow
from kube_nb.apiserver.fairness.configuration import Fairness
from kube_nb.apiserver.fairness.inflight import MaxInFlight

__all__ = ["Fairness", "Flow", "MaxInFlight"]
