"""The tokens that people and outsiders come with."""

from __future__ import annotations

from headgate.api.faults import NothingStarted, Refused
from headgate.api.site import Site
from headgate.runtime.acts import RefusalCode
from headgate.runtime.errors import KeyFault
from headgate.runtime.tokens import Purpose, Token, TokenFault, read


def token_for(purpose: Purpose, text: str, site: Site, otherwise: str) -> Token:
    """What a token of this store is for; raises `Refused` for one that is none, and with `otherwise` for one that is
    for something else, `NothingStarted` when the store's key cannot be had.
    """
    try:
        token = read(site.keys, text)
    except TokenFault as fault:
        raise Refused(RefusalCode.TOKEN_INVALID.value, str(fault)) from None
    except KeyFault as fault:
        raise NothingStarted(str(fault)) from fault
    if token.purpose is not purpose:
        raise Refused(RefusalCode.TOKEN_INVALID.value, otherwise)
    return token
