"""The same workflow, by steps and edges, as each tool's own language: what the check benchmark feeds."""

from __future__ import annotations

from pathlib import Path


def flow(steps: int) -> str:
    """A chain of `steps` HTTP calls, each reading the one before it."""
    lines = ["workflow bench {", "  input order: string", ""]
    for n in range(steps):
        after = f" after s{n - 1}" if n else ""
        value = f"{{{{ steps.s{n - 1}.result.status }}}}" if n else "{{ inputs.order }}"
        lines += [
            f'  step s{n} = http POST "https://example.com/{n}"{after} {{',
            f"    body    = {{ value = {value}, order = {{{{ inputs.order }}}} }}",
            "    timeout = 30s",
            "    reversibility = recoverable",
            "  }",
            "",
        ]
    return "\n".join([*lines, "}", ""])


def wdl(steps: int) -> str:
    """The chain as a WDL workflow: one task, called `steps` times."""
    lines = [
        "version 1.0",
        "task post {",
        "  input { String value String order }",
        "  command <<< echo ~{value} ~{order} >>>",
        "  output { String status = read_string(stdout()) }",
        "}",
        "workflow bench {",
        "  input { String order }",
    ]
    for n in range(steps):
        value = f"s{n - 1}.status" if n else "order"
        lines.append(f"  call post as s{n} {{ input: value = {value}, order = order }}")
    return "\n".join([*lines, "}", ""])


def yaml(steps: int) -> str:
    """The chain as the YAML that such workflows live in elsewhere."""
    lines = ["---", "name: bench", "inputs:", "  order: string", "steps:"]
    for n in range(steps):
        lines += [
            f"  - id: s{n}",
            "    kind: http",
            f"    url: https://example.com/{n}",
            f"    after: [{f's{n - 1}' if n else ''}]",
            "    body:",
            f'      value: "{{{{ steps.s{n - 1}.result.status }}}}"',
            '      order: "{{ inputs.order }}"',
            "    timeout: 30s",
        ]
    return "\n".join([*lines, ""])


def write(folder: Path, steps: int, files: int = 1) -> dict[str, list[Path]]:
    """Writes `files` files of `steps` steps for each tool; returns their paths by suffix."""
    written: dict[str, list[Path]] = {}
    for suffix, text in (("flow", flow(steps)), ("wdl", wdl(steps)), ("yaml", yaml(steps))):
        target = folder / suffix
        target.mkdir(parents=True, exist_ok=True)
        paths = [target / f"w{n:03}.{suffix}" for n in range(files)]
        for path in paths:
            path.write_text(text, encoding="utf-8")
        written[suffix] = paths
    return written
