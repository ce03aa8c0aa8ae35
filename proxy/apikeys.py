"""The keys of the API: read from where the configuration names them, and made for servers.

Law: a secret is in a file of its own or with whoever uses it, never in the configuration; what is wrong with a file is
a StartError of one line with the key. What is found out before anything is served stops the start; later nothing does.
"""

import logging
from collections.abc import Sequence

from proxy import loading
from proxy.errors import StartError
from proxy.intake.authority import Authority, hash_of, new_key
from proxy.intake.claims import BadKey, NoTokens
from proxy.tables import Config

log = logging.getLogger("footfall")

SECRETS = "HS256"
"""The algorithm whose key is a secret; of the others it is PEM, in which white space means nothing."""
KEY_FILE_BYTES = 16_384
"""A PEM file of one key is under 2 KB; a mistaken path may be anything."""


def authority_of(config: Config) -> Authority:
    """Who may use the API. Raises StartError."""
    return _authority(config, [_key(config, text) for text in config.api.jwt_keys])


def authority_left(config: Config) -> Authority:
    """The same for a worker, which may be started again while the site is served: a key whose file has become
    unusable is told to the log and left out, and the site goes on."""
    keys = []
    for text in config.api.jwt_keys:
        try:
            keys.append(_key(config, text))
        except StartError as wrong:
            log.error("%s; tokens that it would verify are refused until footfall is started again or reloaded", wrong)
    return _authority(config, keys)


def inspect(config: Config) -> str | None:
    """What is wrong with the files, if anything: one line."""
    try:
        authority_of(config)
    except StartError as wrong:
        return str(wrong)
    return None


def make_key(name: str) -> tuple[str, str]:
    """A new key for a server, and what of it goes into `api.server_keys`."""
    key = new_key()
    return key, f"{name}:{hash_of(key)}"


def _authority(config: Config, keys: Sequence[tuple[str, bytes]]) -> Authority:
    servers = {key: name for name, _, key in (text.partition(":") for text in config.api.server_keys)}
    tokens = loading.verifier(keys, config.api.jwt_audience) if keys else NoTokens()
    return Authority(tokens, servers)


def _key(config: Config, text: str) -> tuple[str, bytes]:
    """Algorithm and secret or PEM, tried out. Raises StartError."""
    kind, _, name = text.partition(":")
    content = _read(config, name)
    key = kind, secret_of(content) if kind == SECRETS else content
    try:
        loading.verifier([key], "")
    except BadKey as wrong:
        raise StartError(f"api.jwt_keys: {name}: {wrong}") from None
    return key


def _read(config: Config, name: str) -> bytes:
    path = config.base / name
    try:
        with path.open("rb") as file:
            content = file.read(KEY_FILE_BYTES + 1)
    except OSError as wrong:
        raise StartError(f"api.jwt_keys: {path}: {wrong.strerror}") from None
    if len(content) > KEY_FILE_BYTES:
        raise StartError(f"api.jwt_keys: {path}: larger than {KEY_FILE_BYTES} bytes, not a key")
    return content


def secret_of(content: bytes) -> bytes:
    """The secret that a file holds, to the byte: to HMAC a key is octets, none of which means nothing (RFC 2104; RFC
    7518 section 3.2), and whoever signs has all of them. But an editor, or echo, ends a line with a newline that nobody
    means: that one goes, after a single line of text. Of random bytes the last may be one."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return content
    line = text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
    return line.encode() if line.replace("\t", "").isprintable() else content
