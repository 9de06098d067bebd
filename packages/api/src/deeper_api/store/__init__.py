"""PostgreSQL: the schema, the pool of connections and the queries. Nothing outside this package writes SQL."""
