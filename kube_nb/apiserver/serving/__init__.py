"""The wire: `http` has the sockets, `websocket` and `spdy` are the sessions of exec, attach and port-forward.

Nothing is decided here; without it the server works in the kernel alone.
"""
