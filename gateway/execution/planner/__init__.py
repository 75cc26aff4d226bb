"""The planner: compiles documents to execution plans."""
