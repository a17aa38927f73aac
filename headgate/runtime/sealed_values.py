"""Values that are stored only sealed: what stands in their place, and what opens it again."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable
from typing import TypeAlias

from headgate.plan import Json, JsonObject
from headgate.runtime.errors import KeyFault

SEALED = "$sealed"

Sealing: TypeAlias = "Callable[[str, bytes], bytes]"
"""(purpose, content) -> what of it may be stored; raises `KeyFault`. Its counterpart opens that again."""


def seal(sealing: Sealing, purpose: str, value: Json) -> JsonObject:
    """What is stored in place of `value`. Raises `KeyFault`."""
    content = json.dumps(value, separators=(",", ":")).encode()
    return {SEALED: b64encode(sealing(purpose, content)).decode()}


def is_sealed(value: Json) -> bool:
    """Whether it stands in the place of something sealed."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(SEALED), str)


def unseal(opening: Sealing | None, purpose: str, value: Json) -> Json:
    """What was sealed; anything else as it is. Raises `KeyFault`."""
    if not is_sealed(value):
        return value
    assert isinstance(value, dict), "what is sealed stands in a map"
    if opening is None:
        raise KeyFault("it is sealed, and there is no key at hand to open it with")
    try:
        found: Json = json.loads(opening(purpose, b64decode(str(value[SEALED]), validate=True)))
    except (Error, ValueError):
        raise KeyFault("what should be opened was not sealed by headgate, or it is damaged") from None
    return found
