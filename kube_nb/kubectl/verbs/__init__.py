"""One module a verb, or a family of verbs; each exports its `COMMAND`. `registry` lists them all."""
