"""Container runtimes: what runs inside the pods of a node.

`runtime` is the contract between a kubelet and a runtime, after the Container Runtime Interface v1; `network` is the
contract between a runtime and the pod network that the wiring gives it. The runtime here is `simulated`: a container
image is a *program*, a coroutine that gets a `process.Process` (arguments, environment, files, streams, network, time)
and returns an exit code. Nothing runs outside the cluster's loop, and nothing takes real time.

Data flow: kubelet -> `simulated.SimulatedRuntime` -> `images.ImageRegistry` (which program, how big, how slow) ->
`container.Container` (its files, log, main process) -> the program -> `network.NetworkNamespace`.

Read `runtime` first, then `process` (what a program sees), `images` (which programs exist and how to add one),
`simulated`. `shell` is the small POSIX shell of busybox-like images, `programs` are the servers and tools that
tutorials run, and `programs/images.yaml` has a row for each image.
"""
