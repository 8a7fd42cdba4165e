"""Output formats: -o wide|yaml|json|name|jsonpath|custom-columns."""
