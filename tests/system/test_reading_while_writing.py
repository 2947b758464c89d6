# SPDX-License-Identifier: Apache-2.0
"""Readers beside a running consumer see whole commits: always a prefix of the truth, never a row of
a ledger without the ledger's others."""

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET


def test_readers_see_whole_ledgers_at_any_moment(lake, processes):
    server = processes(process.Replay([RECORDING.events], "--pace", "30ms"))
    run = processes(process.run_background(lake, server.endpoint, RECORDING.first, RECORDING.last,
                                           schema_version="1.1.0", max_file_age="150ms"))
    run.wait_for(lambda: reading.data_files(lake), "the first file")
    seen = []
    with reading.attached(lake) as connection:
        while run.running:
            rows = connection.execute(
                "SELECT ledger_sequence, event_index FROM lake.ttp_events").fetchall()
            top = max((row[0] for row in rows), default=0)
            expected = [(row["ledger_sequence"], row["event_index"])
                        for row in truth.truth_rows([RECORDING], 0, top)]
            assert sorted(rows) == expected
            seen.append(len(rows))
    run.wait().expect(0)
    assert seen == sorted(seen), "rows vanished"
    assert len(set(seen)) >= 3, f"the reader saw no growth: {seen}"
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")


def test_a_reader_with_an_open_transaction_does_not_hold_up_the_writer(lake, processes):
    server = processes(process.Replay([RECORDING.events], "--pace", "5ms"))
    process.run(lake, server.endpoint, RECORDING.first, RECORDING.first + 10)
    with reading.attached(lake) as connection:
        connection.execute("BEGIN")
        before = connection.execute("SELECT count(*) FROM lake.ttp_events").fetchone()
        process.run(lake, server.endpoint, RECORDING.first, RECORDING.last, max_file_age="100ms")
        assert connection.execute("SELECT count(*) FROM lake.ttp_events").fetchone() == before
        connection.execute("COMMIT")
        after = connection.execute("SELECT count(*) FROM lake.ttp_events").fetchone()
    assert after == (len(truth.read_rows(RECORDING)),)
