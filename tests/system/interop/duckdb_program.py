# SPDX-License-Identifier: Apache-2.0
"""Reads our files with the DuckDB of the environment it runs in, for programs.py: a question a line
on stdin, its rows as JSON arrays and then {"rows": n} or {"error": text} on stdout."""

import json
import sys

import duckdb

UINT32 = ("ledger_sequence", "transaction_index", "operation_index", "event_index")


def select(connection, question):
    source = f"read_parquet('{question['Path']}')"
    values = {"timestamp": "epoch_us(timestamp)",
              "transaction_hash": "lower(hex(transaction_hash))",
              "amount_decimal": "amount_decimal::VARCHAR"}
    names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    sql = (f"SELECT {', '.join(values.get(name, name) + f' AS v_{name}' for name in names)}"
           f" FROM {source}")
    column, low, high = question["Column"], question["Low"], question["High"]
    if column is None:
        return sql, []
    if low is None:
        return f"{sql} WHERE {column} IS NULL", []
    mark = {"timestamp": "make_timestamptz(?::BIGINT)", "transaction_hash": "unhex(?)",
            "amount_decimal": "?::DECIMAL(38, 0)",
            **dict.fromkeys(UINT32, "?::UINTEGER")}.get(column, "?")
    if low == high:
        return f"{sql} WHERE {column} = {mark}", [low]
    return f"{sql} WHERE {column} BETWEEN {mark} AND {mark}", [low, high]


def answer(connection, question):
    cursor = connection.execute(*select(connection, question))
    names = [column[0].removeprefix("v_") for column in cursor.description]
    decimal_at = names.index("amount_decimal") if "amount_decimal" in names else None
    count = 0
    while rows := cursor.fetchmany(10000):
        for row in rows:
            row = list(row)
            if decimal_at is not None and row[decimal_at] is not None:
                row[decimal_at] = int(row[decimal_at])
            print(json.dumps(row))
        count += len(rows)
    return count


def main():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'America/New_York'; SET threads = 2")
    print(json.dumps({"version": duckdb.__version__}), flush=True)
    for line in sys.stdin:
        try:
            print(json.dumps({"rows": answer(connection, json.loads(line))}), flush=True)
        except duckdb.Error as problem:
            print(json.dumps({"error": str(problem)}), flush=True)


if __name__ == "__main__":
    main()
