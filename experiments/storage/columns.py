"""The columns that tables share, and the names of constraints."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

# Names for every constraint: SQLite's batch migrations cannot alter what has no name.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

JSON_TYPE = JSON().with_variant(JSONB(), "postgresql")


def json_column(nullable: bool = False) -> Column[Any]:
    """Return a column of JSON documents."""
    return Column(JSON_TYPE, nullable=nullable)


def big_column(nullable: bool = False) -> Column[int]:
    """Return a column of 64-bit integers."""
    return Column(BigInteger(), nullable=nullable)
