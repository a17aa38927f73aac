"""`headgate diff`, as people and CI call it: what differs by meaning, whom it breaks, and revisions of git."""

import shutil
import subprocess

import pytest
from command_line import headgate

BASE = """\
workflow refund "Refund an order" {
  input order: string
  input amount: number

  trigger shop = webhook { inputs = { order = {{ trigger.body.order }}, amount = 3 } }

  step charge = http GET "https://shop.example.com/charge" {
    query   = { order = {{ inputs.order }} }
    timeout = 30s
  }

  step ask = human approval after charge {
    title     = "Refund {{ inputs.amount }}?"
    assignees = ["finance"]
    expires   = 24h
  }

  step refund = http POST "https://shop.example.com/refund" after ask {
    body            = { order = {{ inputs.order }} }
    idempotency_key = {{ inputs.order }}
    gate approval { ask = "Now?" }
  }

  output { status = {{ steps.charge.result.status }}, order = {{ inputs.order }} }
}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "old.flow").write_text(BASE)
    return tmp_path


def diff(folder, *changes):
    """The JSON of `diff` after texts of the file were replaced; its exit code says whether something breaks."""
    text = BASE
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (folder / "new.flow").write_text(text)
    said = headgate("diff", "old.flow", "new.flow", "--format", "json", cwd=folder)
    assert said.err == ""
    assert said.code == (1 if said.json["breaks"] else 0)
    return said.json


def test_layout_comments_and_the_order_of_the_text_never_show(folder):
    moved = BASE.replace("  input order: string\n", "").replace(
        "  trigger", "  # where?\n  input order:string\n  trigger"
    )
    moved = moved.replace("    timeout = 30s\n", "").replace("    query ", "    timeout = 30s\n\n    query ")
    (folder / "new.flow").write_text(moved.replace("{{ inputs.order }}", "{{inputs.order}}"))
    said = headgate("diff", "old.flow", "new.flow", cwd=folder)
    assert (said.code, said.err) == (0, "")
    assert "the two plans mean the same" in said.out
    assert "compatible" in said.out


def test_an_attribute_is_named_with_what_it_was_and_is(folder):
    found = diff(folder, ("timeout = 30s", "timeout = 1m"))
    (step,) = found["steps"]
    assert (step["step"], step["changes"]) == ("charge", ["changed"])
    assert step["differences"] == [{"attribute": "timeout", "change": "changed", "before": 30000, "after": 60000}]
    assert found["verdict"] == "compatible"
    text = headgate("diff", "old.flow", "new.flow", cwd=folder).out
    assert "  ~ step charge (http)\n      ~ timeout: 30s -> 1m\n" in text
    assert "\x1b[" not in text


def test_what_a_step_does_is_for_new_runs_only(folder):
    found = diff(folder, ("charge = http GET", "charge = http HEAD"))
    assert (found["verdict"], found["verdicts"]) == ("new runs only", ["new runs only"])


def test_a_step_added_behind_the_others_is_compatible(folder):
    found = diff(folder, ("  output {", "  step log = set after refund { a = 1 }\n\n  output {"))
    assert [(step["step"], step["changes"]) for step in found["steps"]] == [("log", ["added"])]
    assert found["verdict"] == "compatible"


def test_a_second_root_does_not_rewire_the_first(folder):
    found = diff(folder, ("  output {", "  step beside = set { a = 1 }\n\n  output {"))
    assert [(step["step"], step["changes"]) for step in found["steps"]] == [("beside", ["added"])]


def test_a_step_put_between_others_rewires_what_follows(folder):
    between = "  step between = set after charge { a = 1 }\n\n  step ask = human approval after between {"
    found = diff(folder, ("  step ask = human approval after charge {", between))
    steps = {step["step"]: step for step in found["steps"]}
    assert steps["between"]["changes"] == ["added"]
    assert steps["ask"]["changes"] == ["rewired"]
    assert [(each["change"], each["before"], each["after"]) for each in steps["ask"]["edges"]] == [
        ("removed", "charge", None),
        ("added", None, "between"),
    ]
    assert found["verdict"] == "new runs only"


def test_a_renamed_step_is_followed_wherever_it_is_named(folder):
    found = diff(
        folder,
        ("step charge", "step payment"),
        ("after charge", "after payment"),
        ("steps.charge.", "steps.payment."),
    )
    (step,) = found["steps"]
    assert (step["step"], step["was"], step["changes"]) == ("payment", "charge", ["renamed"])
    assert found["outputs"] == []
    assert found["verdict"] == "new runs only"


def test_a_chain_of_renamed_steps_is_followed_from_its_root(folder):
    text = "workflow w {\n  step a = set { x = 1 }\n  step b = set after a { y = {{ steps.a.result.x }} }\n}\n"
    (folder / "one.flow").write_text(text)
    for before, after in (("step a", "step c"), ("step b", "step d"), ("after a", "after c"), ("steps.a", "steps.c")):
        text = text.replace(before, after)
    (folder / "two.flow").write_text(text)
    found = headgate("diff", "one.flow", "two.flow", "--format", "json", cwd=folder).json
    assert [(step["was"], step["step"]) for step in found["steps"]] == [("a", "c"), ("b", "d")]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            "  trigger shop = webhook { inputs = {",
            "  input why: string\n  trigger shop = webhook { inputs = { why = {{ trigger.at }},",
            "the new input `why` is required",
        ),
        ("  input amount: number\n", "  input amount: integer\n", "`amount` no longer takes everything"),
        ("  input amount: number\n", "  input amount: number { maximum = 5 }\n", "no longer takes everything"),
        (", order = {{ inputs.order }} }\n}", " }\n}", "callers who read the output `order` find nothing"),
        (", order = {{ inputs.order }} }\n}", ", order = {{ inputs.amount }} }\n}", "was text and may be number now"),
        ("workflow refund ", "workflow repay ", "callers who start `refund` do not find it"),
        ("trigger shop = webhook", "trigger shop2 = webhook", "the webhook `shop` is gone"),
        (
            "amount = 3 } }",
            "amount = 3 }, auth = { token = {{ secrets.T }} } }",
            "`auth` of the webhook `shop` changed",
        ),
    ],
)
def test_what_callers_lean_on_breaks_them(folder, before, after, words):
    found = diff(folder, (before, after))
    assert found["verdict"] == "breaks callers"
    assert any(words in reason["message"] for reason in found["reasons"]), found["reasons"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  input amount: number\n", "  input amount: number = 3\n"),
        ("  input amount: number\n", "  input amount: number?\n"),
        ("  trigger", "  input why: string? = null\n\n  trigger"),
        ("  trigger", '  trigger night = schedule "0 3 * * *" { inputs = { order = "1", amount = 1 } }\n  trigger'),
        (", order = {{ inputs.order }} }\n}", ", order = {{ inputs.order }}, more = 1 }\n}"),
        ("expires   = 24h", "expires   = 48h"),
        ('refund "Refund an order"', 'refund "Pay an order back"'),
    ],
)
def test_what_takes_more_or_gives_more_breaks_nobody(folder, before, after):
    found = diff(folder, (before, after))
    assert not found["same"]
    assert found["verdict"] == "compatible", found["reasons"]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('"Refund {{ inputs.amount }}?"', '"Pay {{ inputs.amount }} back?"', "the question at `ask` changed"),
        ('["finance"]', '["ops"]', "who is asked at `ask` changed"),
        ("expires   = 24h", "on_expiry = proceed", "what silence means at `ask` changed"),
        ('    gate approval { ask = "Now?" }\n', "", "`refund` has a gate less"),
        ("body            = { order", "body            = { id", "the input that an approval of `refund` covers"),
        ("step ask =", "step asked =", "`ask` asks people, and it is"),
    ],
)
def test_what_people_were_asked_breaks_waiting_approvals(folder, before, after, words):
    more = [("after ask {", "after asked {")] if "asked" in after else []
    found = diff(folder, (before, after), *more)
    assert "breaks waiting approvals" in found["verdicts"]
    assert "breaks callers" not in found["verdicts"]
    assert any(words in reason["message"] for reason in found["reasons"]), found["reasons"]


def test_a_constant_that_a_question_reads_is_part_of_the_question(folder):
    (folder / "old.flow").write_text(
        'workflow w {\n  let a = 1\n  step ask = human approval { title = "{{ vars.a }}?" }\n}\n'
    )
    (folder / "new.flow").write_text(
        'workflow w {\n  let a = 2\n  step ask = human approval { title = "{{ vars.a }}?" }\n}\n'
    )
    found = headgate("diff", "old.flow", "new.flow", "--format", "json", cwd=folder).json
    assert found["verdicts"] == ["breaks waiting approvals", "new runs only"]


def test_several_verdicts_stand_with_the_worst_first(folder):
    found = diff(folder, ("  input amount: number\n", "  input amount: integer\n"), ('["finance"]', '["ops"]'))
    assert found["verdicts"] == ["breaks callers", "breaks waiting approvals", "new runs only"]
    assert found["verdict"] == found["verdicts"][0]


def test_steps_inside_loops_are_compared_by_their_path(folder):
    text = "workflow w {\n  step all = each {{ [1, 2] }} as n {\n    step one = set { x = {{ n }} }\n  }\n}\n"
    (folder / "one.flow").write_text(text)
    (folder / "two.flow").write_text(text.replace("x = {{ n }}", "x = {{ n + 1 }}"))
    found = headgate("diff", "one.flow", "two.flow", "--format", "json", cwd=folder).json
    assert [step["step"] for step in found["steps"]] == ["all.one"]


def test_plan_files_are_compared_too_and_a_damaged_one_exits_3(folder):
    assert headgate("compile", "old.flow", "-o", "old.plan.json", cwd=folder).code == 0
    assert headgate("diff", "old.plan.json", "old.flow", cwd=folder).code == 0
    (folder / "old.plan.json").write_text((folder / "old.plan.json").read_text().replace("30000", "30001"))
    said = headgate("diff", "old.plan.json", "old.flow", cwd=folder)
    assert said.code == 3
    assert "PLAN_INTEGRITY" in said.err


def test_one_workflow_of_a_file_is_named_behind_a_hash(folder):
    (folder / "two.flow").write_text(BASE + "\n" + BASE.replace("workflow refund", "workflow other"))
    assert headgate("diff", "old.flow", "two.flow#refund", cwd=folder).code == 0
    said = headgate("diff", "old.flow", "two.flow", cwd=folder)
    assert said.code == 2
    assert "two.flow#refund" in said.err


def test_a_new_text_that_does_not_pass_the_gate_exits_3_with_its_findings(folder):
    (folder / "new.flow").write_text(BASE.replace("after ask", "after aks"))
    said = headgate("diff", "old.flow", "new.flow", cwd=folder)
    assert said.code == 3
    assert "HG104" in said.err
    assert headgate("diff", "old.flow", "none.flow", cwd=folder).code == 3


def test_of_the_old_text_it_is_enough_that_it_has_a_plan(folder):
    """What a rule says of a plan is no reason not to compare it: the old text cannot be changed any more."""
    blocked = BASE.replace("status = {{ steps.charge.result.status }}", "status = {{ inputs.nothing }}")
    (folder / "old.flow").write_text(blocked)
    (folder / "new.flow").write_text(BASE)
    assert headgate("check", "old.flow", cwd=folder).code == 1
    assert headgate("diff", "old.flow", "new.flow", cwd=folder).code in (0, 1)
    assert headgate("diff", "new.flow", "old.flow", cwd=folder).code == 3


# Revisions of git

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder, *arguments):
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    flows = tmp_path / "flows"
    flows.mkdir()
    (flows / "refund.flow").write_text(BASE)
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    (flows / "refund.flow").write_text(BASE.replace("timeout = 30s", "timeout = 1m"))
    return tmp_path


@needs_git
@pytest.mark.parametrize(
    ("folder", "old", "new"),
    [
        (".", "main:flows/refund.flow", "flows/refund.flow"),
        (".", "HEAD", "flows/refund.flow"),
        ("flows", "main", "refund.flow"),
        ("flows", "main:flows/refund.flow", "refund.flow"),
        ("flows", "main:./refund.flow", "refund.flow#refund"),
    ],
)
def test_a_revision_is_named_as_git_does_or_alone(repository, folder, old, new):
    said = headgate("diff", old, new, "--format", "json", cwd=repository / folder)
    assert (said.code, said.err) == (0, "")
    assert [each["attribute"] for each in said.json["steps"][0]["differences"]] == ["timeout"]


@needs_git
def test_the_workspace_and_the_lock_of_the_revision_are_used(repository):
    text = "workflow w {\n  step a = mcp shop.get { args = { x = 1 } }\n}\n"
    tool = '{"inputSchema": {}, "annotations": {"readOnlyHint": true}}'
    lock = f'{{"version": 1, "instances": {{"shop": {{"tools": {{"get": {tool}}}}}}}}}'
    (repository / "w.flow").write_text(text)
    (repository / "headgate.toml").write_text(
        '[project]\nname = "x"\n[instances.shop]\nserver_url = "https://a.example"\n'
    )
    (repository / "headgate.lock").write_text(lock)
    git(repository, "add", ".")
    git(repository, "commit", "-m", "two")
    (repository / "headgate.lock").write_text(lock.replace('"readOnlyHint": true', '"destructiveHint": false'))
    found = headgate("diff", "main:w.flow", "w.flow", "--format", "json", cwd=repository).json
    changed = {each["attribute"]: (each["before"], each["after"]) for each in found["steps"][0]["differences"]}
    assert changed["reversibility"] == ("safe", "recoverable")


@needs_git
@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("mian", "flows/refund.flow", 3, "there is no revision `mian`"),
        ("main:flows/refnd.flow", "flows/refund.flow", 3, "did you mean `main:flows/refund.flow`?"),
        ("main:refund.flow", "flows/refund.flow", 3, "there is no file `refund.flow` at the revision `main`"),
        ("main", "HEAD", 2, "neither `main` nor `HEAD` is a file"),
        ("--help-me", "HEAD", 2, "no option `--help-me`"),
        ("refund@2", "flows/refund.flow", 3, "NO_SUCH_WORKFLOW: no workflow `refund` is published here"),
    ],
)
def test_what_names_nothing_is_one_clear_sentence(repository, old, new, code, words):
    said = headgate("diff", old, new, cwd=repository)
    assert said.code == code
    assert words in said.err
    assert "Traceback" not in said.err


@needs_git
def test_without_a_repository_or_without_git_one_sentence_says_so(folder):
    said = headgate("diff", "main", "old.flow", cwd=folder, GIT_CEILING_DIRECTORIES=str(folder.parent))
    assert said.code == 3
    assert "no git repository" in said.err
    said = headgate("diff", "main", "old.flow", cwd=folder, PATH=str(folder))
    assert said.code == 3
    assert "install git" in said.err
