"""A small POSIX shell for simulated containers: what `sh -c` in tutorials needs, without processes or files.

`parser.parse`, over `words`, turns text into the trees of `syntax`; `interpreter.Shell` runs them on a
`process.Process`; `expansion` turns words into fields; `arithmetic` is ``$((...))``; `builtins` are the commands that
act on the shell itself, all others are looked up among the container's executables. `command` is the ``sh`` executable.

Differs: no job control, no aliases, no ``select``; arrays and ``[[ =~ ]]`` of bash are not there.
"""
