"""A crew that cannot be begun: nothing of it runs, and whoever asked for it may ask again."""

import asyncio
import os
import resource

import pytest

from proxy.children import Job
from proxy.crew import Crew


def test_no_descriptor_for_its_tally_leaves_nothing_behind():
    async def run() -> None:
        crew = Crew([Job("worker", "worker", (), count=2)], 0, announce=lambda text: None, over=lambda: None)
        before = os.listdir("/proc/self/fd")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                crew.begin()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert crew.children == {} and len(os.listdir("/proc/self/fd")) == len(before)
        assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    asyncio.run(run())
