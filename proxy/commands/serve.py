"""`footfall serve` and `footfall demo`: the parent of all processes."""

import argparse
import asyncio

from proxy import serving
from proxy.checks import socket_path
from proxy.commands.given import configuration
from proxy.config import Config, ConfigError


def serve(given: argparse.Namespace) -> int:
    def read() -> Config:
        config = configuration(given, {"site.upstream": given.upstream})
        if not config.site.upstream:
            raise ConfigError("no site to front: footfall serve --upstream URL, or site.upstream in config.toml")
        return config

    return asyncio.run(serving.serve(read, given))


def demo(given: argparse.Namespace) -> int:
    def read() -> Config:
        config = configuration(given, {"site.upstream": "", "site.public_origin": ""})
        if given.visitors and (config.tls.cert_file or socket_path(config.site.listen)):
            raise ConfigError("--visitors: simulated visitors walk by plain http over TCP only")
        return config

    return asyncio.run(serving.serve(read, given))
