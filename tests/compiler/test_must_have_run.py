"""What certainly completed before a step, across bodies of loops and over long ways."""

from flows import graph_of

from headgate.compiler.paths import ask, counter_run, surely_completed


def node(graph, name):
    return next(scope.nodes[name] for scope in graph.scopes if name in scope.nodes)


def surely(steps, source, target, header=""):
    graph = graph_of(steps, header)
    return surely_completed(graph, node(graph, source), node(graph, target))


def path(steps, source, target):
    graph = graph_of(steps)
    run = counter_run(graph, node(graph, source), node(graph, target))
    return [(one.name, edge if isinstance(edge, str | None) else edge.on) for one, edge in run.path()]


def test_a_step_of_a_body_starts_after_what_its_loop_waits_for() -> None:
    steps = """
      step a = set { x = 1 }
      step all = each [1, 2] as i after a { step inner = set { y = i } }
    """
    assert surely(steps, "a", "inner")
    assert not surely(steps, "inner", "all")


def test_what_a_loop_itself_reads_is_there_in_its_body() -> None:
    steps = """
      step size = switch { case {{ inputs.big }} -> a, else -> b }
      step a = set { x = [1] }
      step b = set { x = [2] }
      step all = each {{ steps.a.result.x }} as i after a, b { step inner = set { y = i } }
    """
    assert not surely(steps, "a", "all")
    assert surely(steps, "a", "inner")


def test_the_body_of_an_each_may_run_zero_times_and_that_of_a_repeat_with_until_runs_once() -> None:
    def after(loop):
        return f"""
          step rounds = {loop} {{ step one = set {{ x = 1 }} }}
          step last = set after rounds {{ y = 1 }}
        """

    assert not surely(after("each [1] as i"), "one", "last")
    assert not surely(after("repeat").replace("{ step", "{ max = 3, while = {{ inputs.w }}\nstep"), "one", "last")
    assert surely(after("repeat").replace("{ step", "{ max = 3, until = {{ inputs.w }}\nstep"), "one", "last")
    assert surely(after("repeat").replace("{ step", "{ max = 3\nstep"), "one", "last")


def test_an_optional_step_of_a_repeat_may_not_have_run_when_it_ends() -> None:
    steps = """
      step rounds = repeat { max = 3
        step one = set { when = {{ inputs.w }}, x = 1 }
      }
      step last = set after rounds { y = 1 }
    """
    assert not surely(steps, "one", "last")


def test_two_edges_of_one_branch_are_live_together() -> None:
    steps = """
      step size = switch { case {{ inputs.big }} -> a, else -> b }
      step a = http GET "https://a.example"
      step b = http GET "https://b.example"
      step c = http GET "https://c.example" after a
      step both = set after a, c { x = 1 }
    """
    assert surely(steps, "c", "both")
    assert not surely(steps, "b", "both")


def test_a_parallel_step_that_is_waited_for_completed_when_its_failure_ends_the_run() -> None:
    steps = """
      step a = http GET "https://a.example"
      step b = http GET "https://b.example"
      step c = set after b { x = {{ steps.a.result.body }} }
    """
    assert surely(steps, "a", "c")
    assert not surely(steps, "a", "c", header="on_failure = continue")


def test_the_counter_path_tells_the_branch() -> None:
    steps = """
      step charge = http GET "https://a.example"
      step size = switch after charge { case {{ inputs.big }} -> ask, else -> small }
      step ask = human approval { title = "Pay?" }
      step small = set { x = 1 }
      step refund = set after ask, small { y = 1 }
    """
    assert path(steps, "ask", "refund") == [
        ("charge", None),
        ("size", "completed"),
        ("small", "else"),
        ("refund", "completed"),
    ]
    assert path(steps, "small", "refund")[1:3] == [("size", "completed"), ("ask", "case")]


def test_the_counter_path_of_a_handler_tells_the_failure_or_the_denial() -> None:
    steps = """
      step ask = human approval { title = "Pay?" }
      step pay = http POST "https://a.example" after ask
      step told = set after finished pay, denied ask { join = any, x = 1 }
    """
    assert path(steps, "pay", "told") in (
        [("ask", None), ("pay", "completed"), ("told", "failed")],
        [("ask", None), ("told", "denied")],
    )


def test_a_step_that_takes_the_first_live_edge_does_not_wait_for_the_others() -> None:
    steps = """
      step a = http GET "https://a.example"
      step b = http GET "https://b.example"
      step first = set after a, b { join = any, x = 1 }
    """
    graph = graph_of(steps)
    assert not surely_completed(graph, node(graph, "b"), node(graph, "first"))
    assert path(steps, "b", "first") == [("a", None), ("first", "completed")]


def test_a_long_row_of_branches_is_no_matter_of_combinations() -> None:
    steps = ["step first = set { x = 1 }", "step m0 = set after first { x = 1 }"]
    for at in range(1, 120):
        steps.append(f"step w{at} = switch after m{at - 1} {{ case {{{{ inputs.i{at} }}}} -> a{at}, else -> b{at} }}")
        steps += [f"step {side}{at} = set {{ x = {at} }}" for side in "ab"]
        steps.append(f"step m{at} = set after a{at}, b{at} {{ x = 1 }}")
    graph = graph_of("\n".join(steps))
    assert surely_completed(graph, node(graph, "first"), node(graph, "m119"))
    found = ask(graph, node(graph, "a60"), node(graph, "m119"))
    assert not found.surely
    assert found.run is not None
    assert "b60" in {one.name for one, _ in found.run.path()}
