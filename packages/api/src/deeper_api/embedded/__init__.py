"""What ``deeper dev`` and the tests run without being given: a PostgreSQL of their own."""
