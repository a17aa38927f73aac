"""What a block says, attribute by attribute: lives beside the compiler, which lowers the same."""

from headgate.compiler.written import Said, Written, of_block, of_step, of_trigger

__all__ = ["Said", "Written", "of_block", "of_step", "of_trigger"]
