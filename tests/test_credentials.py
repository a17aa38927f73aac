"""What connections send: against a real OAuth provider on loopback, from several tasks and several processes."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from desk import Desk
from oauth_server import Provider
from visiting import authorize

from headgate.api import connecting
from headgate.api.authorizing import Person
from headgate.api.connecting import Reconnected
from headgate.api.faults import NothingStarted, Refused
from headgate.api.place import Driving, Place
from headgate.api.site import Site
from headgate.api.vaults import vault_of
from headgate.runtime.connections import World
from headgate.runtime.credentials import Credential
from headgate.runtime.errors import ErrorClass, StepFailure

OTHER = "A" * 43  # the challenge of nobody's verifier


@pytest.fixture
def desk(tmp_path: Path, provider: Provider) -> Desk:
    connections = {
        "slack": provider.auth(),
        "machine": provider.auth("client_credentials"),
        "public": provider.auth(client_id='"public"', client_secret='{ env = "NOTHING" }').replace(
            'client_secret = { env = "NOTHING" }, ', ""
        ),
        "wrong": provider.auth("client_credentials", client_secret='{ env = "PATH" }'),
    }
    text = "".join(
        f'[connections.{name}]\napp = "{name.title()}"\nauth = {auth}\n' for name, auth in connections.items()
    )
    return Desk(tmp_path / "desk", text)


def send(desk: Desk, *names: str, seconds: float = 10.0) -> list[Credential]:
    """What each sends, asked for at once by tasks of one loop."""

    async def ask() -> list[Credential]:
        site = Site(desk.place)
        with vault_of(site) as vault:
            world = World(site.workspace, clock=site.clock, vault=vault)
            try:
                return await asyncio.gather(*(world.credentials.of(world.bound(name), seconds) for name in names))
            finally:
                await world.close()

    return asyncio.run(ask())


def status(desk: Desk, name: str) -> str:
    return next(view.status for view in connecting.connections(desk.place) if view.name == name)


def refused(desk: Desk, name: str) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        send(desk, name)
    return caught.value


def test_a_code_with_pkce_brings_tokens_that_are_refreshed_ahead_of_their_end(desk: Desk, provider: Provider) -> None:
    provider.lifetime = 10.0
    authorize(desk.folder, "slack")
    first = send(desk, "slack")[0]
    assert send(desk, "slack")[0] == first
    provider.lifetime = 3600.0
    with_age = Site(desk.place)
    with vault_of(with_age) as opening, opening().store.transaction() as connection:
        connection.execute("UPDATE connections SET minted_at = minted_at - 100000")  # most of its life is over
    second = send(desk, "slack")[0]
    assert second.headers != first.headers
    assert (provider.grants["refresh_token"], second.minted) == (1, first.minted + 1)


def test_a_public_client_needs_no_secret(desk: Desk, provider: Provider) -> None:
    authorize(desk.folder, "public")
    assert send(desk, "public")[0].headers["Authorization"].startswith("Bearer access-canary")


def test_a_client_gets_its_own_token_when_it_is_first_used_and_another_when_that_ends(
    desk: Desk, provider: Provider
) -> None:
    provider.lifetime = 1.0  # below the slack: never sent twice
    first, second = send(desk, "machine")[0], send(desk, "machine")[0]
    assert first.headers != second.headers
    assert provider.grants["client_credentials"] == 2


def test_tasks_that_need_a_refresh_at_once_share_one(desk: Desk, provider: Provider) -> None:
    provider.lifetime = 1.0
    authorize(desk.folder, "slack")
    provider.lifetime = 3600.0
    provider.slow = 0.2
    found = send(desk, *["slack"] * 20)
    assert len({credential.headers["Authorization"] for credential in found}) == 1
    assert provider.grants["refresh_token"] == 1


def test_processes_that_need_a_refresh_at_once_share_one_and_no_refresh_token_is_used_twice(
    desk: Desk, provider: Provider
) -> None:
    provider.lifetime = 1.0
    authorize(desk.folder, "slack")
    provider.lifetime = 3600.0
    provider.slow = 1.0
    desk.write(f'workflow w {{ step a = http GET "{provider.url}/api/a" {{ connection = slack }} }}')
    both = [desk.command("run", "flow.flow") for _ in range(3)]
    assert [process.wait() for process in both] == [0, 0, 0], [process.communicate() for process in both]
    assert provider.grants["refresh_token"] == 1
    assert max(provider.used.values()) == 1


def test_a_refresh_of_a_process_that_was_killed_is_taken_over_at_once(desk: Desk, provider: Provider) -> None:
    provider.lifetime = 1.0
    authorize(desk.folder, "slack")
    provider.slow, provider.failing = 5.0, [(503, "never read")]
    process = desk.command("refresh", "slack")
    while not provider.grants["refresh_token"]:
        assert process.poll() is None, process.communicate()
    assert status(desk, "slack") == "refreshing"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    provider.slow, provider.lifetime = 0.0, 3600.0
    assert send(desk, "slack")[0].minted == 2


@pytest.mark.parametrize(
    "answer",
    [
        (503, "<html>busy</html>"),
        (500, '{"error": "server_error"}'),
        (429, '{"error": "rate_limited"}'),
        (403, "<html>a gateway</html>"),
        (200, "<html>a login page</html>"),
        (200, '{"error": "temporarily_unavailable"}'),
        (200, "{}"),
    ],
)
def test_what_is_wrong_for_now_is_tried_again_and_refuses_nothing(
    desk: Desk, provider: Provider, answer: tuple[int, str]
) -> None:
    provider.lifetime = 1.0
    authorize(desk.folder, "slack")
    provider.failing = [answer]
    error = refused(desk, "slack").error
    assert (error.code, error.error_class) == ("DEPENDENCY_UNAVAILABLE", ErrorClass.TRANSIENT)
    assert error.retry_after_ms is not None
    assert status(desk, "slack") == "degraded"


def test_a_degraded_connection_is_used_while_its_token_lives(desk: Desk, provider: Provider) -> None:
    provider.lifetime = 20.0
    authorize(desk.folder, "slack")
    with vault_of(Site(desk.place)) as opening, opening().store.transaction() as connection:
        connection.execute("UPDATE connections SET minted_at = minted_at - 200000")
    provider.failing = [(503, "busy")] * 3
    first = send(desk, "slack")[0]
    assert status(desk, "slack") == "degraded"
    assert send(desk, "slack")[0].headers == first.headers
    provider.failing.clear()


@pytest.mark.parametrize(
    "answer",
    [(400, '{"error": "invalid_grant"}'), (401, '{"error": "invalid_client"}'), (200, '{"error": "bad_token"}')],
)
def test_what_is_refused_for_good_ends_the_connection(desk: Desk, provider: Provider, answer: tuple[int, str]) -> None:
    provider.lifetime = 1.0
    authorize(desk.folder, "slack")
    provider.failing = [answer]
    error = refused(desk, "slack").error
    assert (error.code, error.error_class, error.detail) == (
        "AUTH_REAUTH_REQUIRED",
        ErrorClass.AUTH,
        {"connection": "slack"},
    )
    assert status(desk, "slack") == "error"
    asked = provider.grants["refresh_token"]
    refused(desk, "slack")
    assert provider.grants["refresh_token"] == asked, "what is refused is not asked again"


def test_a_client_with_a_wrong_secret_is_refused_for_good(desk: Desk) -> None:
    assert "answers `invalid_client`" in refused(desk, "wrong").error.message


def test_a_provider_that_cannot_be_reached_is_unavailable(desk: Desk, provider: Provider) -> None:
    provider.lifetime = 1.0
    authorize(desk.folder, "slack")
    file = desk.folder / "headgate.toml"
    file.write_text(file.read_text().replace(f"{provider.url}/token", "http://127.0.0.1:1/token"))
    assert "cannot be reached" in refused(desk, "slack").error.message
    assert status(desk, "slack") == "degraded"


def test_a_slow_provider_is_waited_for_no_longer_than_the_step_has_and_its_answer_is_kept(
    desk: Desk, provider: Provider
) -> None:
    provider.lifetime = 1.0
    authorize(desk.folder, "slack")
    provider.lifetime, provider.slow = 3600.0, 0.6
    with pytest.raises(StepFailure, match=r"was not refreshed within 0\.1s"):
        send(desk, "slack", seconds=0.1)
    assert (status(desk, "slack"), provider.grants["refresh_token"]) == ("active", 1)
    assert send(desk, "slack")[0].minted == 2


def test_a_token_whose_key_is_gone_is_named_and_kept(desk: Desk) -> None:
    authorize(desk.folder, "slack")
    key = desk.folder / ".headgate" / "key"
    text = key.read_text()
    key.unlink()
    error = refused(desk, "slack").error
    assert error.code == "CONFIG_INVALID"
    assert "the tokens of the connection `slack` cannot be read: the key of this store is missing" in error.message
    key.write_text(text)
    key.chmod(0o600)
    assert send(desk, "slack")[0].minted == 1


# Authorizing


def reconnect(desk: Desk, person: Person, name: str = "slack") -> Reconnected:
    return connecting.reconnect(name, desk.place, person, Driving())


def test_a_code_may_be_pasted_with_its_address_whose_state_is_checked(desk: Desk, provider: Provider) -> None:
    told: list[str] = []

    def ended_at(change: str = "") -> str:
        """The address that a browser which cannot reach this machine ends at."""
        import httpx

        url = next(line.strip() for line in told[-1].splitlines() if "/authorize?" in line)
        return httpx.get(url).headers["Location"] + change

    assert reconnect(desk, Person(told.append, None, ended_at)).view.status == "active"
    assert reconnect(desk, Person(told.append, None, lambda: ended_at().split("code=")[1].split("&")[0])).exit_code == 0
    for answer, said in (
        (lambda: ended_at().replace("state=", "state=x"), "its `state` is another"),
        (lambda: "", "no code was given"),
        (lambda: "nonsense", "invalid_grant"),
    ):
        with pytest.raises(NothingStarted, match=said):
            reconnect(desk, Person(told.append, None, answer))
    assert status(desk, "slack") == "active", "what failed has changed nothing"
    provider.denies = True
    with pytest.raises(NothingStarted, match="its provider answers `access_denied`"):
        reconnect(desk, Person(told.append, None, ended_at))


def test_an_answer_to_another_question_is_turned_away_and_the_right_one_still_heard(
    desk: Desk, provider: Provider
) -> None:
    import threading

    from visiting import visit

    pages: list[str] = []

    def browse(url: str) -> None:
        redirect = url.split("redirect_uri=")[1].split("&", maxsplit=1)[0].replace("%3A", ":").replace("%2F", "/")

        def go() -> None:
            pages.append(visit(f"{redirect}?code=stolen&state=guessed"))
            pages.append(visit(redirect.replace("/callback", "/favicon.ico")))
            pages.append(visit(url))

        threading.Thread(target=go).start()

    assert reconnect(desk, Person(pages.append, browse, None, 20.0)).view.status == "active"
    assert "This is not the answer" in "".join(pages)
    assert "There is nothing here" in "".join(pages)


def test_a_code_of_another_verifier_is_refused_by_the_provider(desk: Desk, provider: Provider) -> None:
    told: list[str] = []

    def other_question() -> str:
        import httpx

        url = told[-1].splitlines()[2].strip().replace("code_challenge=", f"code_challenge={OTHER}&was=", 1)
        return httpx.get(url).headers["Location"]

    with pytest.raises(NothingStarted, match=r"Slack was not connected: .* `invalid_grant`"):
        reconnect(desk, Person(told.append, None, other_question))
    assert provider.tokens == []


def test_nobody_answers_in_time(desk: Desk) -> None:
    with pytest.raises(NothingStarted, match=r"no answer came within 0.05s; begin again, or use `--code`"):
        reconnect(desk, Person(lambda _: None, None, None, 0.05))


def test_an_unknown_connection_is_named_with_the_nearest(desk: Desk) -> None:
    for act in (lambda: reconnect(desk, Person(print), "slcak"), lambda: connecting.refresh("slcak", desk.place)):
        with pytest.raises(NothingStarted, match="no connection `slcak`: did you mean `slack`"):
            act()


# Refreshing, revoking


def test_a_refresh_that_is_asked_for_does_not_wait_until_the_next_is_due(
    desk: Desk, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate.runtime.vault.FIRST_BACKOFF_MS", 600_000)
    authorize(desk.folder, "slack")
    provider.failing = [(503, "busy")]
    with pytest.raises(NothingStarted, match="503"):
        connecting.refresh("slack", desk.place)
    view, said = connecting.refresh("slack", desk.place)
    assert (view.status, said) == ("active", "Slack has a new token")


def test_revoked_tokens_are_given_up_at_the_provider_and_here(desk: Desk, provider: Provider) -> None:
    authorize(desk.folder, "slack")
    assert connecting.revoke_tokens("slack", desk.place) == "the tokens of `slack` are given up, at its provider too"
    assert (status(desk, "slack"), provider.tokens[0].revoked) == ("revoked", True)
    with pytest.raises(Refused) as caught:
        connecting.refresh("slack", desk.place)
    assert caught.value.message == "Connection cannot be refreshed. Please reconnect your connection."
    authorize(desk.folder, "slack")
    assert status(desk, "slack") == "active"


def test_an_environment_with_its_own_account_has_its_own_tokens(desk: Desk, provider: Provider) -> None:
    file = desk.folder / "headgate.toml"
    other = provider.auth(scopes='["write"]')
    more = f"[environments.prod.connections.slack]\nauth = {other}\n[environments.test]\n"
    file.write_text(file.read_text() + more)
    authorize(desk.folder, "slack")
    prod = Place(desk.folder, None, "prod", "ann")
    assert [(view.environment, view.status) for view in connecting.connections(prod) if view.name == "slack"] == [
        ("prod", "error"),
        (None, "active"),
    ]
    test = connecting.connections(prod._replace(environment="test"))
    assert next(view for view in test if view.name == "slack").status == "active"
