"""PostgreSQL driver: connection pool, pipelined connections, transactions; no SQL compiler."""
