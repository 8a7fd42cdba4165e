"""What controllers that own pods have in common: what state a pod is in, which to delete first, who owns it, how to
make it, and how to remember what the cache has not shown yet.

Models pkg/controller/controller_utils.go and controller_ref_manager.go, taken apart by idea.
"""
