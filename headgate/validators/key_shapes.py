"""What keys, tokens and passwords look like in a text, and what only resembles them."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from itertools import pairwise

from headgate.records import NamedTuple
from headgate.source import Span


class Shape(NamedTuple):
    """A published form of a key. `marks` are what every such text contains; a text without any is not searched."""

    called: str
    secret: str
    marks: tuple[str, ...]
    pattern: str


class Key(NamedTuple):
    """A stretch that is a secret. `called` says what it looks like, `secret` is a name for it under `[secrets]`."""

    span: Span
    called: str
    secret: str


def _shape(called: str, secret: str, marks: str, pattern: str) -> Shape:
    return Shape(called, secret, tuple(marks.split()), rf"(?<![A-Za-z0-9_])(?:{pattern})")


SHAPES = (
    _shape("an Anthropic key", "ANTHROPIC_KEY", "sk-ant-", r"sk-ant-[\w-]{16,}"),
    _shape("an OpenAI key", "OPENAI_KEY", "sk-", r"sk-(?!ant-)(?:proj-|svcacct-|admin-)?(?=[\w-]{0,60}\d)[\w-]{16,}"),
    _shape("a Stripe key", "STRIPE_KEY", "k_live_ k_test_", r"[sr]k_(?:live|test)_\w{10,}"),
    _shape("a webhook's signing secret", "WEBHOOK_SECRET", "whsec_", r"whsec_[\w+/=]{16,}"),
    _shape("a GitHub token", "GITHUB_TOKEN", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_\w{30,}"),
    _shape("a GitHub token", "GITHUB_TOKEN", "github_pat_", r"github_pat_\w{22,}"),
    _shape("a GitLab token", "GITLAB_TOKEN", "glpat-", r"glpat-[\w-]{16,}"),
    _shape("a Slack token", "SLACK_TOKEN", "xox xapp-", r"(?:xox[abceoprs]|xapp)-[\w-]{10,}"),
    _shape("a Slack webhook", "SLACK_WEBHOOK", "hooks.slack.com/", r"https://hooks\.slack\.com/services/T\w+/B\w+/\w+"),
    _shape("an AWS key", "AWS_KEY", "AKIA ASIA", r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _shape("a Google key", "GOOGLE_KEY", "AIza", r"AIza[\w-]{35}"),
    _shape("a Google token", "GOOGLE_TOKEN", "ya29. GOCSPX-", r"(?:ya29\.|GOCSPX-)[\w-]{20,}"),
    _shape("a SendGrid key", "SENDGRID_KEY", "SG.", r"SG\.[\w-]{16,}\.[\w-]{16,}"),
    _shape("an npm token", "NPM_TOKEN", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _shape("a PyPI token", "PYPI_TOKEN", "pypi-", r"pypi-[\w-]{50,}"),
    _shape("a Hugging Face token", "HF_TOKEN", "hf_", r"hf_[A-Za-z0-9]{30,}"),
    _shape("a Shopify token", "SHOPIFY_TOKEN", "shpat_ shpca_ shppa_ shpss_", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    _shape("a DigitalOcean token", "DIGITALOCEAN_TOKEN", "dop_v1_ doo_v1_", r"do[op]_v1_[0-9a-f]{64}"),
    _shape("a Databricks token", "DATABRICKS_TOKEN", "dapi", r"dapi[0-9a-f]{32}"),
    _shape("a Linear key", "LINEAR_KEY", "lin_api_", r"lin_api_[A-Za-z0-9]{32,}"),
    _shape("a Telegram bot's token", "TELEGRAM_TOKEN", ":AA", r"\d{8,10}:AA[\w-]{33}"),
    _shape("a private key", "PRIVATE_KEY", "PRIVATE KEY-----", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"),
    _shape("a signed token (JWT)", "TOKEN", "eyJ", r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
)

_BEARER = re.compile(r"\b[Bb]earer[ \t]+(?P<secret>[A-Za-z0-9._~+/=-]{16,})")
_BASIC = re.compile(r"\b[Bb]asic[ \t]+(?P<secret>[A-Za-z0-9+/]{8,}={0,2})")
_IN_URL = re.compile(
    r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,20}://[^\s/:@{}\"'`<>]{0,200}:(?P<secret>[^\s/@{}\"'`<>]{1,400})@[A-Za-z0-9\[]"
)

_PASSWORDS = r"passwords?|passwd|pwd|passphrase|passcode"
_STRONG = (
    r"secrets?|credentials?|authorization|(?:client|shared|app|signing|webhook)[_-]?secret|"
    r"(?:api|access|private|secret|signing|encryption|auth|account|service|master|admin)[_-]?keys?"
)
_NAME = re.compile(
    rf"(?:^|[_\-. ])(?:(?P<password>{_PASSWORDS})|(?P<strong>{_STRONG})|(?P<token>token|hmac|bearer))$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_TOKEN = re.compile(
    r"(?:page|next|prev|previous|cursor|continuation|sync|max|stop|pad|start|end)[_-]?token$", re.IGNORECASE
)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"change[-_ ]?me|replace|placeholder|redacted|your[-_ ]?|dummy|to[-_ ]?do|insert|fill[-_ ]?in|"
    r"[<>{}]|\.\.\.|…|\*{3}|x{4}",
    re.IGNORECASE,
)
_SAMPLE = re.compile(
    r"(?:my|some|the|a|test|example|sample|default|super|top)?[-_ ]*"
    r"(?:pass(?:word|wd)?|pwd|secrets?|tokens?|(?:api)?[-_ ]?keys?|user|admin|example|sample|test|none|null|hidden)"
    r"[-_ ]*(?:\d{0,4}|here)",
    re.IGNORECASE,
)
_RUN = re.compile(r"[A-Za-z0-9+/=]{12,}")


def shaped(text: str) -> Iterator[Key]:
    """Every stretch of a text that has a published shape of a key, or stands where only a secret stands."""
    taken: set[int] = set()
    for shape in SHAPES:
        if not any(mark in text for mark in shape.marks):
            continue
        for match in re.finditer(shape.pattern, text):
            if not is_placeholder(match[0].replace("PRIVATE KEY-----", "")) and match.start() not in taken:
                taken.add(match.start())
                yield Key(Span(*match.span()), shape.called, shape.secret)
    yield from _in_place(text, taken)


def _in_place(text: str, taken: set[int]) -> Iterator[Key]:
    if "earer" in text:
        for match in _BEARER.finditer(text):
            if _is_random(match["secret"]) and match.start("secret") not in taken:
                yield Key(Span(*match.span("secret")), "a bearer token", "TOKEN")
    if "asic " in text:
        for match in _BASIC.finditer(text):
            if _is_login(match["secret"]):
                yield Key(Span(*match.span("secret")), "a name and a password", "LOGIN")
    if "@" in text and "://" in text:
        for match in _IN_URL.finditer(text):
            found = match["secret"]
            if not is_placeholder(found) and not found.startswith("$") and match.start("secret") not in taken:
                yield Key(Span(*match.span("secret")), "a password in an address", "PASSWORD")


def is_placeholder(text: str) -> bool:
    """Whether a text stands for a secret that somebody has yet to put in, or is one letter over and over."""
    inner = text.strip("-_ ")
    varied = len(set(inner[-12:].lower())) > 2
    return not varied or _PLACEHOLDER.search(text) is not None or _SAMPLE.fullmatch(inner) is not None


def is_secret_value(name: str, text: str) -> bool:
    """Whether a text under the name of a secret is one, and not a placeholder, an id or an ordinary word."""
    match = _named(name)
    value = re.sub(r"^(?:bearer|token|basic|apikey)\s+", "", text.strip(), flags=re.IGNORECASE)
    if match is None or is_placeholder(value) or re.search(r"\s", value) or "://" in value:
        return False
    if _UUID.fullmatch(value):
        return match["strong"] is not None
    if match["password"]:
        return len(value) >= 6 and _classes(value) >= 2
    return _is_random(value)


def _named(name: str) -> re.Match[str] | None:
    spelt = _CAMEL.sub("_", name)
    return None if _NO_TOKEN.search(spelt) else _NAME.search(spelt)


def _is_random(text: str) -> bool:
    """Whether a stretch looks drawn by a machine: long, of letters and digits, or of both cases in no order."""
    if is_placeholder(text):
        return False
    for run in _RUN.findall(text):
        digits = sum(character.isdigit() for character in run)
        letters = sum(character.isalpha() for character in run)
        flips = sum(one.islower() and other.isupper() for one, other in pairwise(run))
        if (digits >= 2 and letters >= 2 and len(set(run)) >= 8) or (len(run) >= 20 and flips >= 4):
            return True
    return False


def _is_login(text: str) -> bool:
    try:
        name, colon, password = b64decode(text, validate=True).decode("utf-8").partition(":")
    except ValueError:
        return False
    return bool(name and colon and password) and not is_placeholder(password) and (name + password).isprintable()


def _classes(text: str) -> int:
    """How many of small letters, capitals, digits and signs a text has."""
    kinds = (str.islower, str.isupper, str.isdigit, lambda one: not one.isalnum())
    return sum(any(kind(character) for character in text) for kind in kinds)
