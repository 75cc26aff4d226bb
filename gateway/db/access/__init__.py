"""Row-level visibility: who sees which rows."""
