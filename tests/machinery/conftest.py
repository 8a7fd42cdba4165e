"""Property tests take the time that a shared machine gives them, and leave no example database behind."""

from hypothesis import settings

settings.register_profile("machinery", deadline=None, database=None, max_examples=50)
settings.load_profile("machinery")
