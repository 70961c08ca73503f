"""A bank's PostgreSQL tables, brought over as they are and then held to the contract like files.

The mapping runs in the database, in its own SQL; the mapped rows are streamed into the embedded
engine, where the checks and marts run, so that a file and a database with the same rows give the
same result. See docs/decisions/0003-databases-are-copied-first.md.
"""

import ibis
from ibis.backends.duckdb import Backend

from analysis.errors import SourceError, engine_says, without_secrets
from analysis.language import say
from analysis.sources.params import Bank
from analysis.storage import quoted

BATCH_ROWS = 100_000


def connect(bank: Bank) -> ibis.BaseBackend:
    """The database of the bank; raises SourceError when it cannot be reached."""
    try:
        return ibis.connect(bank.source.url)
    except ImportError as error:
        raise SourceError(
            say(
                "PostgreSQL needs one more package: pip install -c constraints.txt -e "
                '".[postgres]".'
            )
        ) from error
    except Exception as error:  # the driver's own errors share no base class across versions
        raise SourceError(
            without_secrets(
                say("The database {url} cannot be reached: {fault}").format(
                    url=bank.source.url, fault=engine_says(error)
                ),
                bank.source.url,
            )
        ) from error


def relations(database: ibis.BaseBackend, bank: Bank) -> dict[str, list[str]]:
    """The columns of each table, view and materialized view of the bank's schema, by name."""
    query = (
        'SELECT c.relname::text AS name, a.attname::text AS "column", a.attnum::int AS place '
        "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid "
        f"WHERE n.nspname = '{quoted(bank.source.schema_)}' AND a.attnum > 0 "
        "AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'm', 'p', 'f')"
    )
    found = database.sql(query).order_by(["name", "place"]).to_pandas()
    return {
        str(name): [str(column) for column in rows["column"]]
        for name, rows in found.groupby("name", sort=True)
    }


def columns_of(database: ibis.BaseBackend, query: str) -> list[str]:
    """The columns that a query gives; raises SourceError when the database refuses it."""
    try:
        return list(database.sql(query).columns)
    except Exception as error:  # whatever the driver raises is the user's SQL or database
        raise SourceError(
            say("The database refused a query: {fault}").format(fault=engine_says(error))
        ) from error


def copy_query(
    database: ibis.BaseBackend, con: Backend, query: str, name: str, order: list[str]
) -> None:
    """The rows of `query`, whose values are text, as the table `name` of the embedded engine,
    numbered in the order of `order`.
    """
    try:
        expression = database.sql(query)
        batches = expression.order_by(order).to_pyarrow_batches(chunk_size=BATCH_ROWS)
        con.con.register(f"{name}__batches", batches)
        con.raw_sql(
            f'CREATE OR REPLACE TABLE "{name}__unnumbered" AS SELECT * FROM "{name}__batches"'
        )
        con.con.unregister(f"{name}__batches")
    except Exception as error:  # as above: whatever the driver raises is the user's SQL or database
        raise SourceError(
            say("The database refused the query for {name}: {fault}").format(
                name=name, fault=engine_says(error)
            )
        ) from error
    con.raw_sql(
        f'CREATE OR REPLACE TABLE "{name}" AS SELECT * REPLACE (row_number() OVER () AS '
        f'source_line) FROM "{name}__unnumbered"'
    )
    con.raw_sql(f'DROP TABLE "{name}__unnumbered"')
