"""TJ, AR, RL: connections that fail for now and for good, and what becomes of the runs that need them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from desk import Desk
from mcp_over_http import mcp_over_http
from oauth_server import Provider
from visiting import authorize

from headgate.api import banners, connecting, history
from headgate.api.faults import Refused
from headgate.api.instances import instances
from headgate.api.place import Driving, Place

SENTENCE = "Connection cannot be refreshed. Please reconnect your connection."


@pytest.fixture
def desk(tmp_path: Path, provider: Provider) -> Desk:
    names = ("slack", "crm", "mail")
    text = "".join(f'[connections.{name}]\napp = "{name.title()}"\nauth = {provider.auth()}\n' for name in names)
    return Desk(tmp_path / "desk", text)


def calling(provider: Provider, name: str = "slack", policy: str = "", path: str = "a") -> str:
    return f"""
workflow w {{
  {policy}
  step before = set {{ x = 1 }}
  step call = http GET "{provider.url}/api/{path}" after before {{ connection = {name} }}
}}
"""


def status(desk: Desk, name: str = "slack") -> str:
    return next(view.status for view in connecting.connections(desk.place) if view.name == name)


def expired(desk: Desk, provider: Provider, *names: str) -> None:
    """Each was authorized, and its token has ended."""
    provider.lifetime = 1.0
    for name in names or ("slack",):
        authorize(desk.folder, name)
    provider.lifetime = 3600.0


def test_TJ06_a_refresh_that_fails_for_now_is_tried_again_and_raises_and_holds_nothing(
    desk: Desk, provider: Provider
) -> None:
    expired(desk, provider)
    provider.failing = [(503, "busy"), (429, '{"error": "slow_down"}')]
    rest = desk.run(calling(provider))
    assert rest.view.status == "completed"
    assert provider.grants["refresh_token"] == 3
    assert desk.events(rest.view.run, "hold_opened") == []
    assert banners.banners(desk.place) == ()
    assert [event.data["error"]["class"] for event in desk.events(rest.view.run, "attempt_failed")] == ["transient"] * 2
    assert status(desk) == "active"


def test_TJ07_a_refresh_refused_for_good_holds_each_run_at_the_step_that_needs_it_without_the_call_being_made(
    desk: Desk, provider: Provider
) -> None:
    expired(desk, provider)
    provider.revoke_all()
    first = desk.run(calling(provider)).view
    assert (first.status, first.detail, status(desk)) == ("paused", "reauth: slack", "error")
    second = desk.run(calling(provider)).view
    assert (second.status, second.detail) == ("paused", "reauth: slack")
    assert provider.calls == [], "a call known to fail is not made"
    assert (first.steps["call"].status, first.steps["call"].detail) == ("held", "reauth")
    assert desk.events(second.run, "step_dispatched") == []
    notices = [line for line in banners.banners(desk.place) if "reauth required" in line]
    assert notices == ["  Slack reauth required: headgate reconnect slack"]
    for _ in range(2):
        desk.drive()
    assert desk.status(first.run) == desk.status(second.run) == "paused"


def test_TJ07_a_connection_is_looked_at_before_its_approval_is_asked_for(desk: Desk, provider: Provider) -> None:
    gated = calling(provider).replace("connection = slack", 'connection = slack\n    gate approval { ask = "go?" }')
    run = desk.run(gated).view.run
    assert desk.events(run, "approval_requested") == []
    authorize(desk.folder, "slack")
    assert desk.act(run, "resume").view.status == "waiting"
    assert len(desk.events(run, "approval_requested")) == 1


def test_TJ08_banners_count_and_name_what_needs_somebody_and_runs_are_found_by_it(
    desk: Desk, provider: Provider
) -> None:
    run = desk.run(calling(provider)).view.run
    code, out, err = desk.cli("runs")
    assert code == 0
    assert "A connection needs to be reauthorized" in err
    assert "Slack reauth required" in err
    assert "Paused for reauth: slack" in out
    for name in ("crm", "mail"):
        desk.run(calling(provider, name))
    for verb in (("runs",), ("show", run), ("connections",)):
        code, out, err = desk.cli(*verb)
        lines = [line.removeprefix("headgate: ").strip() for line in err.splitlines()]
        assert lines == [
            "3 connections need to be reauthorized",
            "Crm reauth required: headgate reconnect crm",
            "Mail reauth required: headgate reconnect mail",
            "Slack reauth required: headgate reconnect slack",
        ]
    other = desk.run('workflow other { step a = human approval { title = "?" } }').view.run
    desk.act(other, "pause")
    code, out, _ = desk.cli("runs", "--held", "reauth", "--format", "json")
    assert len(json.loads(out)) == 3
    code, out, _ = desk.cli("connections", "--format", "json")
    assert [(each["name"], each["status"], each["notice"]) for each in json.loads(out)] == [
        (name, "error", f"{name.title()} reauth required") for name in ("slack", "crm", "mail")
    ]


def test_TJ09_refreshing_a_connection_in_error_answers_with_one_sentence(desk: Desk, provider: Provider) -> None:
    expired(desk, provider)
    provider.revoke_all()
    desk.run(calling(provider))
    code, out, err = desk.cli("refresh", "slack")
    assert (code, out, err) == (6, "", f"headgate: {SENTENCE}\n")
    with pytest.raises(Refused) as caught:
        connecting.refresh("slack", desk.place)
    assert caught.value.message == SENTENCE


def test_TJ10_an_ordinary_run_goes_on_after_resume_and_not_before_its_connection_is_back(
    desk: Desk, provider: Provider
) -> None:
    run = desk.run(calling(provider)).view.run
    with pytest.raises(Refused) as caught:
        desk.act(run, "resume")
    assert caught.value.code == "HOLD_REMAINS"
    assert "`headgate reconnect slack` first" in caught.value.message
    (why,) = history.why(run, desk.place)
    assert (why.kind, why.object, why.command) == ("hold", "call", "headgate reconnect slack")
    done = authorize(desk.folder, "slack")
    assert (done.view.status, done.waiting, done.went_on) == ("active", (run,), ())
    assert banners.banners(desk.place) == ()
    assert desk.status(run) == "paused"
    assert history.why(run, desk.place)[0].command == f"headgate resume {run}"
    assert desk.drive().rests[0].view.status == "paused", "a person lets it go on"
    assert desk.act(run, "resume").view.status == "completed"
    assert len(provider.calls) == 1


def test_TJ10_a_run_that_may_goes_on_by_itself_and_says_until_then_that_it_awaits(
    desk: Desk, provider: Provider
) -> None:
    run = desk.run(calling(provider, policy="resume_on_reconnect = true")).view.run
    _, out, _ = desk.cli("runs")
    assert "Awaiting reauth: slack" in out
    done = authorize(desk.folder, "slack")
    assert [(rest.view.run, rest.view.status) for rest in done.went_on] == [(run, "completed")]
    released = desk.events(run, "hold_released")
    assert [event.actor for event in released] == ["system"]


def test_TJ10_a_run_that_was_not_told_hears_of_it_when_it_is_driven(desk: Desk, provider: Provider) -> None:
    run = desk.run(calling(provider, policy="resume_on_reconnect = true")).view.run
    done = authorize(desk.folder, "slack", detach=True)
    assert done.went_on == ()
    assert desk.drive().rests[0].view.run == run
    assert desk.status(run) == "completed"


def test_TJ10_a_held_sub_run_goes_on_with_its_caller(desk: Desk, provider: Provider) -> None:
    text = f"""
workflow outer {{ step go = call inner }}
workflow inner {{
  resume_on_reconnect = true
  step call = http GET "{provider.url}/api/x" {{ connection = slack }}
}}
"""
    rest = desk.run(text)
    assert rest.view.status == "waiting"
    authorize(desk.folder, "slack")
    assert desk.status(rest.view.run) == "completed"


def test_AR10_an_instance_is_validated_and_an_override_points_to_a_connection_of_that_environment(
    tmp_path: Path, provider: Provider
) -> None:
    with mcp_over_http(tmp_path / "shop.json") as url:
        desk = Desk(
            tmp_path / "desk",
            f"""
[instances.shop]
server_url = "{url}"
connection = "live"
[instances.gone]
server_url = "http://127.0.0.1:1/mcp"
[instances.off]
server_url = "{url}"
profile = "inactive"
[connections.live]
auth = {provider.auth()}
[environments.prod.instances]
shop = {{ connection = "prod_only" }}
[environments.prod.connections.prod_only]
auth = {provider.auth("client_credentials")}
[environments.test.instances]
shop = {{ connection = "prod_only" }}
""",
        )

        def examined(environment: str | None) -> dict[str, dict[str, bool]]:
            found = instances(Place(desk.folder, None, environment, "ann"), validate=True)
            return {one.name: {each.question: each.fine for each in one.examined} for one in found}

        assert examined(None) == {
            "shop": {"profile": True, "connection": False, "reachable": False},
            "gone": {"profile": True, "connection": True, "reachable": False},
            "off": {"profile": False, "connection": True, "reachable": False},
        }
        authorize(desk.folder, "live")
        fine = {"profile": True, "connection": True, "reachable": True, "tools": True}
        assert examined(None)["shop"] == fine
        assert examined("prod")["shop"] == fine
        assert examined("test")["shop"]["connection"] is False
        code, out, _ = desk.cli("instances", "--validate", "--env", "test")
        assert code == 1
        assert "its connection `prod_only` is not defined in environment `test`" in out
        code, out, _ = desk.cli("instances", "--format", "json")
        assert (code, [each["connection"] for each in json.loads(out)]) == (0, ["live", None, None])


def test_AR15_a_401_is_cured_by_a_fresh_token_where_there_is_one(desk: Desk, provider: Provider) -> None:
    authorize(desk.folder, "slack")
    provider.expire_all()  # before its time, and nobody said so
    assert desk.run(calling(provider)).view.status == "completed"
    assert (provider.grants["refresh_token"], len(provider.calls)) == (1, 2)


def test_AR15_a_403_of_a_connection_that_is_good_fails_the_step_and_holds_nothing(
    desk: Desk, provider: Provider
) -> None:
    authorize(desk.folder, "slack")
    view = desk.run(calling(provider, path="forbidden")).view
    assert view.failure is not None
    assert (view.status, view.failure.code, status(desk)) == ("failed", "HTTP_REQUEST_FAILED", "active")
    assert "answered 403" in str(view.failure.message)


@pytest.mark.parametrize("path", ["a", "forbidden"])
def test_AR15_a_401_or_403_of_a_connection_that_is_refused_for_good_is_a_hold(
    desk: Desk, provider: Provider, path: str
) -> None:
    authorize(desk.folder, "slack")
    provider.revoke_all()
    view = desk.run(calling(provider, path=path)).view
    assert (view.status, view.detail) == ("paused", "reauth: slack")
    step = view.steps["call"]
    assert step.error is not None
    assert (step.status, step.error["code"]) == ("held", "AUTH_REAUTH_REQUIRED")
    authorize(desk.folder, "slack")
    after = desk.act(view.run, "resume").view
    if path == "a":
        assert after.status == "completed"


def test_AR15_a_refusal_without_a_connection_fails_for_nothing_could_release_it(desk: Desk, provider: Provider) -> None:
    view = desk.run(f'workflow w {{ step call = http GET "{provider.url}/api/a" }}').view
    assert view.failure is not None
    assert (view.status, view.failure.code) == ("failed", "HTTP_REQUEST_FAILED")


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        ('{ kind = "bearer", token = { env = "KEY" } }', ("authorization", "Bearer key-canary-1")),
        ('{ kind = "api_key", value = { env = "KEY" } }', ("x-api-key", "key-canary-1")),
        (
            '{ kind = "api_key", header = "X-Shop", prefix = "k ", value = { env = "KEY" } }',
            ("x-shop", "k key-canary-1"),
        ),
        ('{ kind = "basic", user = "u", password = { env = "KEY" } }', ("authorization", "Basic dTprZXktY2FuYXJ5LTE=")),
        ('{ kind = "api_key", query = "key", value = { env = "KEY" } }', ("", "/echo?key=key-canary-1")),
    ],
)
def test_AR15_a_key_is_sent_as_its_connection_says_and_refused_for_good_by_a_401(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auth: str, sent: tuple[str, str]
) -> None:
    from http_server import http_server

    monkeypatch.setenv("KEY", "key-canary-1")
    with http_server() as server:
        desk = Desk(tmp_path / "desk", f'[connections.shop]\napp = "Shop"\nauth = {auth}\n')
        text = 'workflow w {{ step call = http GET "{}{}" {{ connection = shop }} }}'
        view = desk.run(text.format(server.url, "/echo")).view
        assert view.status == "completed"
        seen = server.seen[-1]
        assert (seen.headers.get(sent[0]) if sent[0] else seen.path) == sent[1]
        assert "key-canary" not in json.dumps(view.steps["call"].result)
        refused = desk.run(text.format(server.url, "/status/401")).view
        assert (refused.status, refused.detail, status(desk, "shop")) == ("paused", "reauth: shop", "error")
        assert connecting.reconnect("shop", desk.place, None, Driving()).view.status == "active"  # type: ignore[arg-type]
        assert "key-canary" not in "".join(path.read_bytes().decode("latin-1") for path in files(desk))


MCP = """
workflow w {
  step call = mcp shop.get_order { args = { id = "1" } }
}
"""


def shop(tmp_path: Path, provider: Provider, url: str) -> Desk:
    text = (
        f'[instances.shop]\nserver_url = "{url}"\nconnection = "live"\n[connections.live]\nauth = {provider.auth()}\n'
    )
    return Desk(tmp_path / "shop", text)


def test_AR15_a_tool_is_called_with_its_connection_and_a_401_is_cured_by_a_fresh_token(
    tmp_path: Path, provider: Provider
) -> None:
    refused = tmp_path / "refused.txt"
    refused.write_text("")
    with mcp_over_http(tmp_path / "shop.json", refuses=refused) as url:
        desk = shop(tmp_path, provider, url)
        authorize(desk.folder, "live")
        called = desk.run(MCP).view
        assert called.steps["call"].error is None or called.steps["call"].error["code"] == "MCP_TOOL_FAILED"
        refused.write_text(f"401 {provider.tokens[-1].access}\n")
        again = desk.run(MCP).view
        assert again.steps["call"].error == called.steps["call"].error
        assert provider.grants["refresh_token"] == 1
        refused.write_text(f"403 {provider.tokens[-1].access}\n")
        provider.rotates = False
        allowed = desk.run(MCP).view
        assert allowed.steps["call"].error == called.steps["call"].error
        provider.revoke_all()
        refused.write_text(f"401 {provider.tokens[-1].access}\n")
        held = desk.run(MCP).view
        assert (held.status, held.detail, status(desk, "live")) == ("paused", "reauth: live", "error")
        authorize(desk.folder, "live")
        assert desk.act(held.run, "resume").view.steps["call"].error == called.steps["call"].error


def files(desk: Desk) -> list[Path]:
    return [path for path in (desk.folder / ".headgate").rglob("*") if path.is_file()]


def test_no_token_is_found_in_any_byte_beside_the_key(desk: Desk, provider: Provider) -> None:
    expired(desk, provider)
    provider.failing = [(503, "busy")]
    desk.run(calling(provider))
    authorize(desk.folder, "crm")
    connecting.refresh("crm", desk.place)
    provider.revoke_all()
    desk.run(calling(provider))
    assert len(provider.tokens) >= 4
    content = b"".join(path.read_bytes() for path in files(desk))
    for token in provider.tokens:
        assert token.access.encode() not in content
        assert str(token.refresh).encode() not in content
    assert b"canary" not in content
    assert b"shop-secret" not in content


def test_a_connection_whose_key_is_not_here_says_so_in_the_list_and_in_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    auth = '{ kind = "api_key", value = { env = "NO_SUCH_KEY" } }'
    desk = Desk(tmp_path / "desk", f"[connections.shop]\nauth = {auth}\n")
    said = "`value` of the connection `shop` is missing: set the environment variable `NO_SUCH_KEY`"
    (view,) = connecting.connections(desk.place)
    assert (view.status, view.fault) == ("active", said)
    code, out, _ = desk.cli("doctor")
    assert (code, said in out, "`shop` is active" in out) == (1, True, False)
    monkeypatch.setenv("NO_SUCH_KEY", "a-key-of-a-shop")
    (view,) = connecting.connections(desk.place)
    assert (view.status, view.fault) == ("active", None)


def test_doctor_says_how_connections_stand_and_the_command_that_cures_them(desk: Desk, provider: Provider) -> None:
    authorize(desk.folder, "crm")
    desk.run(calling(provider))
    code, out, _ = desk.cli("doctor", "--format", "json")
    found = {each["message"]: (each["verdict"], each["fix"]) for each in json.loads(out) if each["subject"] != "lua"}
    assert code == 1
    assert found["`crm` is active"] == ("fine", None)
    assert found["`slack` is in error: it was never authorized; 1 run is held for it"] == (
        "error",
        "`headgate reconnect slack`",
    )
    assert any(message.startswith("tokens are sealed with the key in the file") for message in found)


def test_RL13_a_connection_that_open_runs_need_is_not_removed_unless_they_are_cancelled(
    desk: Desk, provider: Provider
) -> None:
    authorize(desk.folder, "slack")
    waits = calling(provider).replace("step before = set { x = 1 }", 'step before = human approval { title = "?" }')
    needing = [desk.run(waits).view.run for _ in range(2)]
    done = desk.run(calling(provider)).view.run
    other = desk.run(waits.replace("slack", "crm")).view.run
    code, out, err = desk.cli("connections", "remove", "slack")
    assert code == 6
    assert "DEPENDENCY_REMOVED: 2 open runs need the connection `slack`: " in err
    assert all(run in err for run in needing)
    assert other not in err
    assert done not in err
    assert status(desk) == "active"
    code, out, _ = desk.cli("connections", "remove", "slack", "--cancel-runs", "--format", "json")
    answer = json.loads(out)
    assert (code, sorted(answer["cancelled"])) == (0, sorted(needing))
    assert answer["message"] == "the tokens of `slack` are removed, at its provider too; it is still in headgate.toml"
    for run in needing:
        view = desk.show(run)
        assert (view.status, view.detail) == ("cancelled", "DEPENDENCY_REMOVED")
    assert desk.status(other) == "waiting"
    assert provider.tokens[0].revoked
    assert (status(desk), banners.banners(desk.place)) == ("error", ())
