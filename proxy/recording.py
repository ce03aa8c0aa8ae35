"""Who writes what this process records: it does so itself, or another process does.

Law: nothing is opened before the first batch: the site is served beside a store that cannot be.
"""

import socket
from functools import partial

from proxy.config import Config
from proxy.files import open_writer
from proxy.intake.elsewhere import WritingElsewhere
from proxy.intake.handed import MakeWriting
from proxy.intake.writing import WritingThread
from proxy.store.handover.giving import SocketGiver
from proxy.visitors.erased import Erased


def writing_of(config: Config, erased: Erased, door: socket.socket | None) -> MakeWriting:
    """Makes who writes, by whom `erased` hears who was erased. `door`: as of Footfall."""
    if door is None:
        return partial(WritingThread, partial(open_writer, config, erased))
    return partial(WritingElsewhere, partial(SocketGiver, door, erased))
