// SPDX-License-Identifier: Apache-2.0

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.Version;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.filter2.compat.FilterCompat;
import org.apache.parquet.filter2.predicate.FilterApi;
import org.apache.parquet.filter2.predicate.FilterPredicate;
import org.apache.parquet.filter2.predicate.Operators;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import shaded.parquet.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * Reads our files with parquet-java, for tests/system/interop/programs.py: a question a line on
 * stdin, its rows as JSON arrays and then {"rows": n} or {"error": text} on stdout. Filters go to
 * parquet-java with statistics, dictionaries, Bloom filters and column indexes on; page checksums are verified.
 */
public final class Read {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> UINT32 =
      List.of("ledger_sequence", "transaction_index", "operation_index", "event_index");

  private static Binary binary(String column, String text) {
    if (column.equals("transaction_hash")) {
      return Binary.fromConstantByteArray(HexFormat.of().parseHex(text));
    }
    if (column.equals("amount_decimal")) {
      byte[] shortest = new BigInteger(text).toByteArray();
      byte[] bytes = new byte[16];
      java.util.Arrays.fill(bytes, (byte) (shortest[0] < 0 ? -1 : 0));
      System.arraycopy(shortest, 0, bytes, 16 - shortest.length, shortest.length);
      return Binary.fromConstantByteArray(bytes);
    }
    return Binary.fromConstantByteArray(text.getBytes(StandardCharsets.UTF_8));
  }

  private static <T extends Comparable<T>, C extends Operators.Column<T> & Operators.SupportsEqNotEq
      & Operators.SupportsLtGt> FilterPredicate range(C column, T low, T high) {
    if (low == null || low.equals(high)) {
      return FilterApi.eq(column, low);
    }
    return FilterApi.and(FilterApi.gtEq(column, low), FilterApi.ltEq(column, high));
  }

  private static FilterPredicate filter(String column, String low, String high) {
    if (column.equals("timestamp")) {
      return range(FilterApi.longColumn(column), low == null ? null : Long.valueOf(low),
          high == null ? null : Long.valueOf(high));
    }
    if (UINT32.contains(column)) {
      return range(FilterApi.intColumn(column), low == null ? null : Integer.parseUnsignedInt(low),
          high == null ? null : Integer.parseUnsignedInt(high));
    }
    return range(FilterApi.binaryColumn(column), low == null ? null : binary(column, low),
        high == null ? null : binary(column, high));
  }

  private static void append(StringBuilder out, Group group, int field) throws Exception {
    if (group.getFieldRepetitionCount(field) == 0) {
      out.append("null");
      return;
    }
    PrimitiveType type = group.getType().getType(field).asPrimitiveType();
    LogicalTypeAnnotation logical = type.getLogicalTypeAnnotation();
    if (type.getPrimitiveTypeName() == PrimitiveTypeName.INT64) {
      out.append(group.getLong(field, 0));
    } else if (type.getPrimitiveTypeName() == PrimitiveTypeName.INT32) {
      out.append(Integer.toUnsignedString(group.getInteger(field, 0)));
    } else if (logical instanceof LogicalTypeAnnotation.DecimalLogicalTypeAnnotation) {
      out.append(new BigInteger(group.getBinary(field, 0).getBytes()));
    } else if (logical instanceof LogicalTypeAnnotation.StringLogicalTypeAnnotation) {
      out.append(JSON.writeValueAsString(group.getBinary(field, 0).toStringUsingUTF8()));
    } else {
      byte[] bytes = group.getBinary(field, 0).getBytes();
      out.append('"').append(HexFormat.of().formatHex(bytes)).append('"');
    }
  }

  private static long answer(Map<?, ?> question, PrintStream out) throws Exception {
    Path path = new Path("file://" + question.get("Path"));
    ParquetReader.Builder<Group> builder = ParquetReader.builder(new GroupReadSupport(), path)
        .useStatsFilter(true).useDictionaryFilter(true).useBloomFilter(true)
        .useColumnIndexFilter(true).useRecordFilter(true).usePageChecksumVerification(true);
    if (question.get("Column") != null) {
      builder = builder.withFilter(FilterCompat.get(filter((String) question.get("Column"),
          (String) question.get("Low"), (String) question.get("High"))));
    }
    long count = 0;
    try (ParquetReader<Group> reader = builder.build()) {
      StringBuilder line = new StringBuilder();
      for (Group group = reader.read(); group != null; group = reader.read(), count++) {
        line.setLength(0);
        int fields = group.getType().getFieldCount();
        for (int field = 0; field < fields; field++) {
          line.append(field == 0 ? '[' : ',');
          append(line, group, field);
        }
        out.append(line.append("]\n"));
      }
    }
    return count;
  }

  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(new java.io.BufferedOutputStream(
        new java.io.FileOutputStream(java.io.FileDescriptor.out), 1 << 20), false, "UTF-8");
    out.append(JSON.writeValueAsString(Map.of("version", Version.VERSION_NUMBER))).append('\n');
    out.flush();
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      try {
        long count = answer(JSON.readValue(line, Map.class), out);
        out.append("{\"rows\":" + count + "}\n");
      } catch (Throwable problem) {
        java.io.StringWriter text = new java.io.StringWriter();
        problem.printStackTrace(new java.io.PrintWriter(text));
        out.append("{\"error\":" + JSON.writeValueAsString(text.toString()) + "}\n");
      }
      out.flush();
    }
  }
}
