"""A key of the API that becomes unusable while footfall runs takes nothing but its own tokens along, least of all the
site: a worker that is started again serves it all the same."""

import os
import signal
from pathlib import Path

import pytest
from whole import Visitor, eventually, serving, sites

from proxy.apikeys import authority_left
from proxy.intake.authority import Refused
from proxy.tables import Api, Config

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


def test_a_worker_that_is_started_again_serves_the_site_without_the_key(tmp_path: Path) -> None:
    (tmp_path / "app.key").write_text("k" * 32)
    with sites() as upstream, serving(tmp_path, upstream, api__jwt_keys="HS256:app.key") as served:
        (worker,) = served.children("worker")
        (tmp_path / "app.key").unlink()
        os.kill(worker, signal.SIGKILL)
        assert eventually(lambda: served.children("worker") not in ([], [worker]))
        assert eventually(served.is_ready), served.log.read_text()
        visitor = Visitor(served.port)
        assert visitor.navigate(b"/").status == 200
        visitor.close()
        assert served.lines("api.jwt_keys: "), served.log.read_text()


def test_the_keys_that_are_left_are_taken(tmp_path: Path) -> None:
    (tmp_path / "good.key").write_text("k" * 32)
    keys = ("HS256:gone.key", "HS256:good.key")
    authority = authority_left(Config(base=tmp_path, api=Api(jwt_keys=keys, server_keys=("shop:" + "0" * 64,))))
    assert authority.tokens
    with pytest.raises(Refused, match="no JSON Web Token"):
        authority.caller("Bearer a.b.c")
