"""Requests to a real server: what is sent, what comes back, and what each way to fail means."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from attempts import attempt, ended, perform_all
from servers.http_server import Server, http_server

from headgate.plan import Json, JsonObject
from headgate.runtime.connections import World
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.performers.exchange import retry_after_ms
from headgate.workspace import EMPTY, SecretSource


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with http_server() as running:
        yield running


def send(server: Server, path: str, method: str = "GET", **given: Json) -> Json | StepError:
    return perform_all(attempt("http", {"method": method, "url": server.url + path, **given}))[0]


def echoed(server: Server, method: str = "POST", path: str = "/echo", **given: Json) -> JsonObject:
    result = send(server, path, method, **given)
    assert isinstance(result, dict), result
    assert result["status"] == 200
    body = result["body"]
    assert isinstance(body, dict)
    return body


def failure(result: object, code: str, kind: ErrorClass) -> StepError:
    assert isinstance(result, StepError), result
    assert (result.code, result.error_class) == (code, kind)
    return result


def test_a_map_is_sent_as_json_and_text_as_it_is(server: Server) -> None:
    sent = echoed(server, body={"order": "ö1", "n": 2**60})
    assert json.loads(str(sent["body"])) == {"order": "ö1", "n": 2**60}
    assert sent["headers"]["content-type"] == "application/json"  # type: ignore[index, call-overload]
    sent = echoed(server, body="plain")
    assert sent["body"] == "plain"
    assert sent["headers"]["content-type"] == "text/plain; charset=utf-8"  # type: ignore[index, call-overload]


def test_a_map_becomes_a_form_where_the_step_says_so(server: Server) -> None:
    sent = echoed(server, body={"a": "1 2", "b": True}, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert sent["body"] == "a=1+2&b=true"


def test_the_query_is_added_to_what_the_url_has(server: Server) -> None:
    sent = echoed(server, "GET", "/echo?a=1", query={"b": [1, "x"], "c": None, "d": "ä&"})
    assert sent["path"] == "/echo?a=1&b=1&b=x&d=%C3%A4%26"


def test_the_key_is_sent_and_makes_the_effect_happen_once() -> None:
    with http_server() as server:
        given: JsonObject = {"method": "POST", "url": f"{server.url}/ledger", "body": {"amount": 5}}
        first, second = perform_all(attempt("http", given, key="k-1"), attempt("http", given, key="k-1"))
        assert first == second
        assert len(server.effects) == 1
        assert server.seen[0].headers["idempotency-key"] == "k-1"


def test_answers_are_json_text_or_base64(server: Server) -> None:
    bodies = {}
    for path in ("/text", "/bytes", "/nothing", "/broken-json"):
        result = send(server, path)
        assert isinstance(result, dict)
        bodies[path] = result["body"]
    assert bodies == {
        "/text": "grüß Gott",
        "/bytes": {"base64": "AP/+"},
        "/nothing": None,
        "/broken-json": '{"n": NaN}',
    }


def test_header_names_come_back_in_lower_case(server: Server) -> None:
    result = send(server, "/echo")
    assert isinstance(result, dict)
    assert result["headers"]["content-type"] == "application/json"  # type: ignore[index, call-overload]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_transient(server: Server, status: int) -> None:
    error = failure(send(server, f"/status/{status}", "POST"), "HTTP_REQUEST_FAILED", ErrorClass.TRANSIENT)
    assert error.provider_status == status
    assert error.retryable


@pytest.mark.parametrize("status", [300, 304, 400, 401, 403, 404, 409, 410, 422, 451])
def test_every_other_refusal_is_permanent(server: Server, status: int) -> None:
    error = failure(send(server, f"/status/{status}", "POST"), "HTTP_REQUEST_FAILED", ErrorClass.PERMANENT)
    assert error.provider_status == status


def test_the_message_names_the_request_the_status_and_what_the_server_said(server: Server) -> None:
    error = send(server, "/status/422?message=no+such+order", "POST")
    assert isinstance(error, StepError)
    assert error.message == f"`POST {server.url}/status/422` answered 422 Unprocessable Entity: no such order"


def test_expect_says_what_a_success_is(server: Server) -> None:
    assert isinstance(send(server, "/status/404", expect=404), dict)
    assert isinstance(send(server, "/status/409", expect=[200, 409]), dict)
    error = failure(send(server, "/echo", expect=[201]), "HTTP_REQUEST_FAILED", ErrorClass.PERMANENT)
    assert error.provider_status == 200


def test_retry_after_is_carried_in_ms(server: Server) -> None:
    error = send(server, "/status/429?retry_after=7")
    assert isinstance(error, StepError)
    assert error.retry_after_ms == 7000


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0.5", 500),
        ("Thu, 01 Jan 1970 00:01:30 GMT", 80_000),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("1e99", 86_400_000),
        ("-3", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(header: str, expected: int | None) -> None:
    assert retry_after_ms({"Retry-After": header}, now_ms=10_000) == expected


def test_a_server_that_is_not_there_is_unavailable_and_nothing_was_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        one = attempt("http", {"method": "POST", "url": f"http://127.0.0.1:{port}/x"})
        error = failure(perform_all(one)[0], "DEPENDENCY_UNAVAILABLE", ErrorClass.TRANSIENT)
    assert error.message.startswith(f"`127.0.0.1:{port}` cannot be reached: ")
    assert not one.departure.may_have_left


def test_a_name_that_does_not_resolve_is_unavailable() -> None:
    one = attempt("http", {"method": "POST", "url": "http://no-such-host.invalid/x"})
    failure(perform_all(one)[0], "DEPENDENCY_UNAVAILABLE", ErrorClass.TRANSIENT)


@pytest.mark.parametrize("path", ["/drop", "/cut"])
@pytest.mark.parametrize(
    ("method", "reversibility", "kind"),
    [
        ("POST", "unknown", ErrorClass.IN_DOUBT),
        ("DELETE", "irreversible", ErrorClass.IN_DOUBT),
        ("GET", "safe", ErrorClass.TRANSIENT),
        ("POST", "safe", ErrorClass.TRANSIENT),
    ],
)
def test_an_exchange_that_breaks_after_sending_is_in_doubt_unless_it_is_safe(
    server: Server, path: str, method: str, reversibility: str, kind: ErrorClass
) -> None:
    one = attempt("http", {"method": method, "url": server.url + path}, reversibility=reversibility)
    error = failure(perform_all(one)[0], "HTTP_REQUEST_FAILED", kind)
    assert "broke after the request was sent" in error.message
    assert one.departure.may_have_left


def test_a_cancelled_request_ends_at_once_and_is_known_to_have_left() -> None:
    async def story(server: Server) -> bool:
        world = World(EMPTY, environ={})
        one = attempt("http", {"method": "POST", "url": f"{server.url}/hang"})
        task = asyncio.create_task(ended(one, world))
        await asyncio.to_thread(server.arrived.acquire)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await world.close()
        return task.cancelled() and one.departure.may_have_left

    with http_server() as server:
        assert asyncio.run(story(server))


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"url": "ftp://x/y"}, "is no address to send a request to"),
        ({"url": "shop.example.com"}, "is no address to send a request to"),
        ({"url": "http://[::1"}, "the request cannot be made"),
        ({"url": "http://x", "headers": {"a": "b\r\nc: d"}}, "the header `a` holds a line break"),
        ({"url": "http://x", "headers": {"a b": "c"}}, "`a b` is no name of a header"),
    ],
)
def test_what_can_be_no_request_is_a_fault_of_the_configuration(given: JsonObject, part: str) -> None:
    error = failure(perform_all(attempt("http", {"method": "GET", **given}))[0], "CONFIG_INVALID", ErrorClass.PERMANENT)
    assert part in error.message


def test_a_read_follows_redirects_and_leaves_its_headers_at_the_origin(server: Server) -> None:
    with http_server() as other:
        result = send(server, f"/redirect?to={other.url}/echo", headers={"X-Api-Key": "k"})
        assert isinstance(result, dict)
        assert result["status"] == 200
        assert "x-api-key" not in other.seen[-1].headers
    same = send(server, "/redirect?to=/echo", headers={"X-Api-Key": "k"})
    assert isinstance(same, dict)
    assert server.seen[-1].headers["x-api-key"] == "k"


def test_a_write_follows_only_a_redirect_that_keeps_it_whole(server: Server) -> None:
    kept = echoed(server, "POST", "/redirect?to=/echo&status=307", body={"a": 1})
    assert (kept["method"], kept["body"]) == ("POST", '{"a":1}')
    error = send(server, "/redirect?to=/echo&status=302", "POST", body={"a": 1})
    refused = failure(error, "HTTP_REQUEST_FAILED", ErrorClass.PERMANENT)
    assert "a redirect that is not followed, to `/echo`" in refused.message
    with http_server() as other:
        away = send(server, f"/redirect?to={other.url}/echo&status=307", "POST")
        failure(away, "HTTP_REQUEST_FAILED", ErrorClass.PERMANENT)
        assert other.seen == []


def test_redirects_in_a_ring_end(server: Server) -> None:
    with http_server() as ring:
        error = failure(send(ring, "/again"), "HTTP_REQUEST_FAILED", ErrorClass.PERMANENT)
    assert "redirects more than 5 times" in error.message


def test_an_answer_beyond_the_limit_is_not_kept(server: Server) -> None:
    failure(send(server, f"/big?bytes={(8 << 20) + 1}"), "LIMIT_EXCEEDED", ErrorClass.PERMANENT)


def test_no_cookie_goes_from_one_step_to_another(server: Server) -> None:
    given: JsonObject = {"method": "GET", "url": f"{server.url}/cookie"}
    results = perform_all(attempt("http", given), attempt("http", given))
    assert [one["body"] for one in results if isinstance(one, dict)] == [None, None]


def test_an_error_shows_the_exchange_without_what_is_secret(server: Server, tmp_path: Path) -> None:
    workspace = EMPTY._replace(root=tmp_path, secrets={"TOKEN": SecretSource("env", "SHOP")})
    url = server.url.replace("http://", "http://user:pa55word@") + "/status/400?message=bad+tok-12345&api_key=abc"
    config: JsonObject = {"method": "POST", "url": url, "headers": {"X-Sig": "{{ secrets.TOKEN }}", "X-Plain": "p"}}
    given = {**config, "headers": {"X-Sig": {"$secret": "TOKEN"}, "X-Plain": "p"}, "body": {"t": {"$secret": "TOKEN"}}}
    one = attempt("http", given, config=config)
    error = perform_all(one, workspace=workspace, environ={"SHOP": "tok-12345"})[0]
    assert isinstance(error, StepError)
    assert error.message.endswith("answered 400 Bad Request: bad ***")
    assert error.detail is not None
    request = error.detail["request"]
    assert isinstance(request, dict)
    assert request["body"] == {"t": "***"}
    assert isinstance(request["headers"], dict)
    assert (request["headers"]["x-sig"], request["headers"]["x-plain"]) == ("***", "p")
    assert server.seen[-1].headers["x-sig"] == "tok-12345"
    shown = repr(error)
    assert "tok-12345" not in shown
    assert "pa55word" not in shown
    assert "api_key=abc" not in shown
