"""What ``make bench`` measures: a module per subject with ``def bench() -> Figures``."""
