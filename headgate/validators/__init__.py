"""From tree, graph and workspace to findings: the gate, its rules, and the suppressions authors write."""
