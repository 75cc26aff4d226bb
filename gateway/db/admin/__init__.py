"""Administration of the database: tables, indexes, advice."""
