"""The pool of connections, and the one place where psycopg's failures become ours."""


import psycopg
from psycopg.rows import TupleRow

type_Connection = psycopg.AsyncConnection[TupleRow]
