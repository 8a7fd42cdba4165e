"""The scheduling framework: what a plugin may implement and what it answers with.

Read `status` (what an answer makes the scheduler do next), `interface` (a Protocol per extension point, `CycleState`),
then `events` (what could un-stick a pod) and `runtime` (a profile: plugins in order, with weights).
Models pkg/scheduler/framework.
"""
