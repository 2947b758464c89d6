# SPDX-License-Identifier: Apache-2.0
"""Spark over the bare folder returns the truth. Not run where pyspark or a Java is lacking:
`make test-spark` installs the first."""

import shutil

import pytest

from harness import lake as reading
from harness import process, truth

pyspark = pytest.importorskip("pyspark", reason="not run: no pyspark (make test-spark)")
if shutil.which("java") is None:
    pytest.skip("not run: Spark needs a Java of 17 or later", allow_module_level=True)


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    from pyspark.sql import SparkSession

    session = (SparkSession.builder.master("local[2]").appName("ttp-test")
               .config("spark.ui.enabled", "false")
               .config("spark.driver.bindAddress", "127.0.0.1")
               .config("spark.driver.host", "127.0.0.1")
               .config("spark.sql.session.timeZone", "America/New_York")
               .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
               .getOrCreate())
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def plain(row, names):
    values = row.asDict()
    return tuple(values[name].hex() if name == "transaction_hash" else
                 None if values[name] is None else
                 int(values[name]) if name == "amount_decimal" else values[name] for name in names)


@pytest.mark.parametrize("codec", reading.CODECS)
@pytest.mark.parametrize("scheme", ["date_hour_type", "simple"])
def test_spark_reads_the_truth(lake, servers, spark, scheme, codec):
    from pyspark.sql import functions

    if codec == "brotli":
        pytest.skip("not run: Spark ships no brotli codec")
    process.run(lake, servers["pubnet"], truth.EARLY.first, truth.PUBNET63.last,
                schema_version="1.1.0", partitioning_scheme=scheme, compression_codec=codec)
    names = list(truth.COLUMNS_1_1_0)
    frame = spark.read.parquet(str(lake)).select(*names)
    frame = frame.withColumn("timestamp", functions.unix_micros("timestamp"))
    got = [plain(row, names) for row in frame.collect()]
    expected = truth.expected_rows(truth.truth_rows(truth.PUBNET), "1.1.0")
    reading.assert_same(got, expected, "Spark")
