"""The shapes of keys, each put together from parts, so that no text here is one."""

from __future__ import annotations

import pytest
from gate_cases import gate
from hypothesis import given
from hypothesis import strategies as st

from headgate.diagnostics import Safety
from headgate.validators.key_shapes import is_secret_value, shaped

_TAIL = "q8Zk27vLm0Tw63RbYx" * 4
_HEX = "0b9c3d7f1e5a2846" * 4

SHAPED = {
    "an Anthropic key": "sk-" + "ant-api03-" + _TAIL[:40],
    "an OpenAI key": "sk-" + "proj-" + _TAIL[:40],
    "a Stripe key": "sk" + "_live_" + _TAIL[:24],
    "a webhook's signing secret": "whs" + "ec_" + _TAIL[:32],
    "a GitHub token": "gh" + "p_" + _TAIL[:36],
    "a GitLab token": "glp" + "at-" + _TAIL[:20],
    "a Slack token": "xo" + "xb-" + "1234-5678-" + _TAIL[:24],
    "an AWS key": "AK" + "IA" + "Q8ZK27VLM0TW63RB",
    "a Google key": "AI" + "za" + _TAIL[:35],
    "a SendGrid key": "SG" + "." + _TAIL[:22] + "." + _TAIL[:43],
    "an npm token": "np" + "m_" + _TAIL[:36],
    "a PyPI token": "py" + "pi-" + _TAIL[:60],
    "a Shopify token": "shp" + "at_" + _HEX[:32],
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "a signed token (JWT)": "eyJ" + _TAIL[:20] + ".eyJ" + _TAIL[:20] + "." + _TAIL[:30],
    "a password in an address": "postgres://shop:" + "winter-42@db.example.com/orders",
}

INNOCENT = (
    "550e8400-e29b-41d4-a716-446655440000",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "sk-your-key-goes-here-4711",
    "ghp_" + "x" * 36,
    "Bearer " + "<token>",
    "bearer of bad news since 1984",
    "Basic subscription",
    "https://user:password@example.com/",
    "https://shop.example.com:8080/@ann",
    "https://{{ inputs.user }}:{{ secrets.P }}@example.com",
    "task-management-system-overview-2024",
    "risk-adjusted-returns-of-2024-portfolio",
    "eyJhbGciOiJIUzI1NiJ9",
)


@pytest.mark.parametrize("called", SHAPED)
def test_a_published_shape_is_found_wherever_it_stands(called: str) -> None:
    secret = SHAPED[called]
    text = f'workflow a {{\n  step s = set {{ note = "see {secret} here" }}\n}}\n# {secret}\n'
    found = [one for one in gate(text).diagnostics if one.code == "HG701"]
    assert len(found) == 2
    assert called in found[0].message
    for one in found:
        assert secret not in one.message + one.help + one.note + "".join(label.message for label in one.labels)


@pytest.mark.parametrize("called", SHAPED)
def test_the_fix_leaves_a_text_without_the_secret(called: str) -> None:
    text = f'workflow a {{\n  step s = set {{ note = "{SHAPED[called]}" }}\n}}\n'
    (one,) = [one for one in gate(text).diagnostics if one.code == "HG701"]
    (fix,) = one.fixes
    assert fix.safety is Safety.UNSAFE
    for edit in fix.edits:
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert {one.code for one in gate(text).diagnostics} & {"HG001", "HG701"} == set()
    assert "{{ secrets." in text


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_resembles_a_key_is_none(text: str) -> None:
    assert list(shaped(text)) == []


@given(st.uuids(), st.sampled_from(["token", "id", "order_token"]))
def test_an_id_is_no_token(number: object, name: str) -> None:
    assert not is_secret_value(name, str(number))


@given(
    st.text("abcdefghijklmnopqrstuvwxyz-_ ", max_size=40), st.sampled_from(["token", "api_key", "password", "secret"])
)
def test_words_are_no_secrets(text: str, name: str) -> None:
    assert name == "password" or not is_secret_value(name, text)


@given(st.text())
def test_any_text_is_searched_without_a_fault(text: str) -> None:
    for key in shaped(text):
        assert 0 <= key.span.start < key.span.end <= len(text)
