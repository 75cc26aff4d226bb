"""Row-level access control: viewers, their roles, and the row filters of tables."""
