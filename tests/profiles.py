"""How Hypothesis runs: the same examples each time, so that a failure in CI is a failure at home.

OSSICLE_EXPLORE=N looks for new failures instead: N random examples for each test.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ossicle",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("explore", settings.get_profile("ossicle"), derandomize=False, print_blob=True)


def examples(n: int) -> settings:
    """The settings of one test that takes `n` examples."""
    explore = int(os.environ.get("OSSICLE_EXPLORE", "0"))
    profile = settings.get_profile("explore" if explore else "ossicle")
    return settings(profile, max_examples=explore or n)
