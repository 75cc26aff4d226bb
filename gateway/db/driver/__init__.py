"""The PostgreSQL driver: connections, pool, transactions. It knows no SQL compiler."""
