"""Prepared statements on libpq, through psycopg: a third of a cursor's CPU time, and no waiting loop.

Only for the write path and its reads, which have few statements with whole columns as parameters.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus

_prepared: WeakKeyDictionary[psycopg.Connection, set[bytes]] = WeakKeyDictionary()


def run(connection: psycopg.Connection, statement: str) -> None:
    """Run a statement without parameters, such as BEGIN.

    Raises
    ------
    psycopg.Error
    """
    _check(connection, connection.pgconn.exec_(statement.encode()))


def rows(
    connection: psycopg.Connection, name: str, statement: str, columns: Sequence[Sequence[Any]]
) -> list[list[str]]:
    """Run a statement with arrays as parameters, prepared once per connection.

    Parameters
    ----------
    name
        The prepared statement's name, unique per statement.
    columns
        A sequence per parameter, of None, texts, integers and booleans.

    Returns
    -------
    list of list of str
        The returned rows, each value as text.

    Raises
    ------
    psycopg.Error
        ``OperationalError`` if the server is unreachable, else the class of the server's code.
    """
    known = _prepared.setdefault(connection, set())
    key = name.encode()
    pgconn = connection.pgconn
    if not connection.autocommit and pgconn.transaction_status == TransactionStatus.IDLE:
        # psycopg begins a transaction at its first statement, which may still be to come.
        run(connection, "BEGIN")
    if key not in known:
        _check(connection, pgconn.prepare(key, statement.encode()))
        known.add(key)
    result = pgconn.exec_prepared(key, [array(column) for column in columns])
    _check(connection, result)
    get = result.get_value
    return [
        # The write path returns no NULL.
        [(get(row, column) or b"").decode() for column in range(result.nfields)]
        for row in range(result.ntuples)
    ]


def array(values: Iterable[Any]) -> bytes:
    """Return a PostgreSQL array literal.

    Raises
    ------
    psycopg.DataError
        A text contains NUL, which libpq would read as its end.
    """
    literal = ("{" + ",".join([_element(value) for value in values]) + "}").encode()
    if b"\x00" in literal:
        raise psycopg.DataError("A text contains a NUL character, which PostgreSQL cannot store.")
    return literal


def _element(value: Any) -> str:
    if type(value) is str:
        if "\\" in value or '"' in value:
            value = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{value}"'
    if value is None:
        return "NULL"
    if value is True or value is False:
        return "t" if value else "f"
    return str(value)


def _check(connection: psycopg.Connection, result: Any) -> None:
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        return
    error = error_from_result(result)
    if connection.pgconn.status == ConnStatus.BAD:
        raise psycopg.OperationalError(str(error))
    raise error
