"""Named queries: aggregates for the compiler, and statements that it does not build."""
