"""The in-tree plugins, one a module; `registry` maps their names to factories.

Each has a plain form (`filter`, `score`: one node a call) and a column form (`filter_columns`, `score_columns`: all
nodes a call); a test holds the two equal. Models pkg/scheduler/framework/plugins.
"""
