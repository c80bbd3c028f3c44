"""Prepared statements straight on libpq, which psycopg hands out: a third of the CPU of a cursor, and no waiting loop.

Only for the write path and its reads, whose statements are few and whose parameters are whole columns.
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
    """Run a statement whose parameters are arrays, prepared once a connection.

    Parameters
    ----------
    name
        The prepared statement's name; one name, one statement.
    columns
        One sequence a parameter; None, texts, whole numbers and truth values.

    Returns
    -------
    list of list of str
        The rows that it returns, each value as text.

    Raises
    ------
    psycopg.Error
        ``OperationalError`` where the server is gone, else the class of the server's code.
    """
    known = _prepared.setdefault(connection, set())
    key = name.encode()
    pgconn = connection.pgconn
    if not connection.autocommit and pgconn.transaction_status == TransactionStatus.IDLE:
        # psycopg begins the caller's transaction at its own first statement, which may not have come yet.
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
    """An array as PostgreSQL reads it.

    Raises
    ------
    psycopg.DataError
        Where a text holds NUL, which libpq would take for its end.
    """
    literal = ("{" + ",".join([_element(value) for value in values]) + "}").encode()
    if b"\x00" in literal:
        raise psycopg.DataError("A text holds a NUL character, which PostgreSQL cannot store.")
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
