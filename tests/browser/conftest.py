import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _chromium() -> None:
    """Browser tests are skipped by name without Debian's Chromium, unless skipping is forbidden."""
    if not Path("/usr/bin/chromium").exists():
        if os.environ.get("KUBE_NB_NO_SKIP") == "1":
            pytest.fail(
                "/usr/bin/chromium is missing, and KUBE_NB_NO_SKIP=1 forbids skipping: apt-get install chromium"
            )
        pytest.skip("needs Debian's chromium (apt-get install chromium)")
