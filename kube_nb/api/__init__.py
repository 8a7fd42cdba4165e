"""What is served: kinds, schemas, defaults, validation, tables, documents. Values only; nothing is stored here.

    rows/*.yaml        kubernetes-validate's definitions
        |                       |
    kinds  --- registry      definitions
        |         |             |
        |         |          schema (decode: Go's JSON)     <- gotypes.yaml
        |         |             |
        |         |          defaults  <- defaults.yaml, default_rules
        |         |          validation/  (a module per group of rules)
        |         |
        |      discovery, openapi/      documents of a registry
      tables <- printers/               rows of `kubectl get`
    custom -> structural                kinds and schemas of CustomResourceDefinitions

The way of a written object: `schema.Schema.decode`, then `defaults.apply`, then `validation.validate`; each hands back
what it was given where nothing changes, so that later steps see by identity what an update left alone.
Guarantees: objects are never changed in place; nothing is read from disk or compiled before it is asked for; equal
registries give equal documents. Read `kinds` first, then `registry`, then `schema`.
"""
