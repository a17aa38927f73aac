"""How a plan's bytes are kept: a small one as it is, a large one deflated, for it says the same words at every step."""

from __future__ import annotations

import zlib

PACKED_FROM = 4096
_PLAIN = b"{"


def pack(content: bytes) -> bytes:
    """What is stored of a plan's canonical bytes."""
    return content if len(content) < PACKED_FROM else zlib.compress(content, 1)


def unpack(stored: bytes | str) -> bytes:
    """The canonical bytes that were packed; of what is damaged, its bytes as they are, for whoever checks them."""
    content = stored.encode() if isinstance(stored, str) else stored
    if content.startswith(_PLAIN):
        return content
    try:
        return zlib.decompress(content)
    except zlib.error:
        return content
