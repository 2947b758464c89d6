// SPDX-License-Identifier: Apache-2.0

// Reads our files with arrow-go, for tests/system/interop/programs.py: a question a line on stdin,
// its rows as JSON arrays and then {"rows": n} or {"error": text} on stdout. arrow-go has no
// filters of its own, so row groups are left out here by its statistics and Bloom filters, and rows by the
// page indexes that it reads.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"runtime/debug"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

type question struct {
	Path   string
	Column *string
	Low    *string
	High   *string
}

// A question with its bounds in a form that compares as Parquet orders the column.
type filter struct {
	column     int
	isNull     bool
	isEquality bool
	low, high  []byte
}

// ordered gives a value's bytes such that bytes.Compare sorts them: numbers big-endian, offset by
// half their range where they are signed.
func ordered(column string, text string) ([]byte, error) {
	switch column {
	case "timestamp", "amount_decimal":
		number, ok := new(big.Int).SetString(text, 10)
		if !ok {
			return nil, fmt.Errorf("%s is no number", text)
		}
		return orderedNumber(number), nil
	case "ledger_sequence", "transaction_index", "operation_index", "event_index":
		number, err := strconv.ParseUint(text, 10, 64)
		return orderedNumber(new(big.Int).SetUint64(number)), err
	case "transaction_hash":
		return hex.DecodeString(text)
	}
	return []byte(text), nil
}

func orderedNumber(number *big.Int) []byte {
	shifted := new(big.Int).Add(number, new(big.Int).Lsh(big.NewInt(1), 130))
	return shifted.FillBytes(make([]byte, 17))
}

// orderedRaw does the same to a value as Parquet's statistics store it.
func orderedRaw(column string, raw []byte) []byte {
	switch column {
	case "timestamp":
		return orderedNumber(big.NewInt(int64(binary.LittleEndian.Uint64(raw))))
	case "amount_decimal":
		number := new(big.Int).SetBytes(raw)
		if len(raw) > 0 && raw[0] >= 0x80 {
			number.Sub(number, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
		}
		return orderedNumber(number)
	case "ledger_sequence", "transaction_index", "operation_index", "event_index":
		return orderedNumber(big.NewInt(int64(binary.LittleEndian.Uint32(raw))))
	}
	return raw
}

func newFilter(asked question, reader *file.Reader) (*filter, error) {
	if asked.Column == nil {
		return nil, nil
	}
	made := &filter{column: reader.MetaData().Schema.ColumnIndexByName(*asked.Column)}
	if asked.Low == nil {
		made.isNull = true
		return made, nil
	}
	var err error
	if made.low, err = ordered(*asked.Column, *asked.Low); err != nil {
		return nil, err
	}
	if made.high, err = ordered(*asked.Column, *asked.High); err != nil {
		return nil, err
	}
	made.isEquality = bytes.Equal(made.low, made.high)
	return made, nil
}

func (f *filter) excludes(column string, low, high []byte) bool {
	return bytes.Compare(f.high, orderedRaw(column, low)) < 0 ||
		bytes.Compare(f.low, orderedRaw(column, high)) > 0
}

// groupMayMatch asks a row group's statistics and Bloom filter.
func (f *filter) groupMayMatch(reader *file.Reader, group int, name string) (bool, error) {
	chunk, err := reader.MetaData().RowGroup(group).ColumnChunk(f.column)
	if err != nil {
		return false, err
	}
	statistics, err := chunk.Statistics()
	if err != nil {
		return false, err
	}
	if statistics == nil {
		return true, nil
	}
	if f.isNull {
		return !statistics.HasNullCount() || statistics.NullCount() > 0, nil
	}
	if !statistics.HasMinMax() {
		return !statistics.HasNullCount() ||
			statistics.NullCount() < reader.MetaData().RowGroup(group).NumRows(), nil
	}
	if f.excludes(name, statistics.EncodeMin(), statistics.EncodeMax()) {
		return false, nil
	}
	if !f.isEquality || name == "timestamp" || name == "amount_decimal" {
		return true, nil
	}
	blooms, err := reader.GetBloomFilterReader().RowGroup(group)
	if err != nil || blooms == nil {
		return true, err
	}
	bloom, err := blooms.GetColumnBloomFilter(f.column)
	if err != nil || bloom == nil {
		return true, err
	}
	return bloom.CheckHash(bloom.Hasher().Sum64(f.low)), nil
}

// rowsLeft marks the rows of a row group that its page index does not rule out.
func (f *filter) rowsLeft(reader *file.Reader, group int, name string) ([]bool, error) {
	rows := make([]bool, reader.MetaData().RowGroup(group).NumRows())
	index, err := reader.GetPageIndexReader().RowGroup(group)
	if err != nil {
		return nil, err
	}
	columnIndex, err := index.GetColumnIndex(f.column)
	if err != nil {
		return nil, err
	}
	offsets, err := index.GetOffsetIndex(f.column)
	if err != nil {
		return nil, err
	}
	if columnIndex == nil || offsets == nil {
		return nil, fmt.Errorf("row group %d has no page index of %s", group, name)
	}
	pages := offsets.GetPageLocations()
	for page, location := range pages {
		end := int64(len(rows))
		if page+1 < len(pages) {
			end = pages[page+1].FirstRowIndex
		}
		left := f.pageMayMatch(columnIndex, page, name)
		for row := location.FirstRowIndex; row < end; row++ {
			rows[row] = left
		}
	}
	return rows, nil
}

func (f *filter) pageMayMatch(index metadata.ColumnIndex, page int, name string) bool {
	if f.isNull {
		return !index.IsSetNullCounts() || index.GetNullCounts()[page] > 0
	}
	if index.GetNullPages()[page] {
		return false
	}
	return !f.excludes(name, index.GetMinValues()[page], index.GetMaxValues()[page])
}

// valueText is a value as JSON, and as text whose order is known to `ordered`.
func valueText(column arrow.Array, row int) (json, text string) {
	switch typed := column.(type) {
	case *array.Timestamp:
		text = strconv.FormatInt(int64(typed.Value(row)), 10)
		return text, text
	case *array.Uint32:
		text = strconv.FormatUint(uint64(typed.Value(row)), 10)
		return text, text
	case *array.Decimal128:
		text = typed.Value(row).BigInt().String()
		return text, text
	case *array.FixedSizeBinary:
		text = hex.EncodeToString(typed.Value(row))
		return `"` + text + `"`, text
	case *array.String:
		return jsonText(typed.Value(row)), typed.Value(row)
	}
	panic(fmt.Sprintf("column of type %s", column.DataType()))
}

func jsonText(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

func (f *filter) matches(name string, column arrow.Array, row int) (bool, error) {
	if column.IsNull(row) || f.isNull {
		return column.IsNull(row) && f.isNull, nil
	}
	_, text := valueText(column, row)
	value, err := ordered(name, text)
	return bytes.Compare(f.low, value) <= 0 && bytes.Compare(value, f.high) <= 0, err
}

func printRow(out *bufio.Writer, columns []arrow.Array, row int) {
	out.WriteByte('[')
	for i, column := range columns {
		if i > 0 {
			out.WriteByte(',')
		}
		if column.IsNull(row) {
			out.WriteString("null")
			continue
		}
		text, _ := valueText(column, row)
		out.WriteString(text)
	}
	out.WriteString("]\n")
}

// readGroup prints the rows of one row group that match; how many they were.
func readGroup(arrowReader *pqarrow.FileReader, group int, filter *filter, name string,
	out *bufio.Writer) (int, error) {
	reader := arrowReader.ParquetReader()
	var left []bool
	if filter != nil {
		may, err := filter.groupMayMatch(reader, group, name)
		if err != nil || !may {
			return 0, err
		}
		if left, err = filter.rowsLeft(reader, group, name); err != nil {
			return 0, err
		}
	}
	var all []int
	for i := range reader.MetaData().Schema.NumColumns() {
		all = append(all, i)
	}
	table, err := arrowReader.ReadRowGroups(context.Background(), all, []int{group})
	if err != nil {
		return 0, err
	}
	defer table.Release()
	records := array.NewTableReader(table, 0)
	defer records.Release()
	count, at := 0, 0
	for records.Next() {
		columns := records.RecordBatch().Columns()
		for row := range int(records.RecordBatch().NumRows()) {
			keep := filter == nil
			if filter != nil && left[at] {
				if keep, err = filter.matches(name, columns[filter.column], row); err != nil {
					return 0, err
				}
			}
			at++
			if keep {
				printRow(out, columns, row)
				count++
			}
		}
	}
	return count, records.Err()
}

func answer(asked question, out *bufio.Writer) (count int, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("panic: %v\n%s", problem, debug.Stack())
		}
	}()
	reader, err := file.OpenParquetFile(asked.Path, false)
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	arrowReader, err := pqarrow.NewFileReader(reader, pqarrow.ArrowReadProperties{},
		memory.DefaultAllocator)
	if err != nil {
		return 0, err
	}
	filter, err := newFilter(asked, reader)
	if err != nil {
		return 0, err
	}
	name := ""
	if asked.Column != nil {
		name = *asked.Column
	}
	for group := range reader.NumRowGroups() {
		rows, err := readGroup(arrowReader, group, filter, name, out)
		if err != nil {
			return 0, err
		}
		count += rows
	}
	return count, nil
}

func version() string {
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == "github.com/apache/arrow-go/v18" {
			return module.Version
		}
	}
	return "unknown"
}

func main() {
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	fmt.Fprintf(out, "{\"version\":%q}\n", version())
	out.Flush()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	for in.Scan() {
		var asked question
		err := json.Unmarshal(in.Bytes(), &asked)
		count := 0
		if err == nil {
			count, err = answer(asked, out)
		}
		if err != nil {
			fmt.Fprintf(out, "{\"error\":%s}\n", jsonText(err.Error()))
		} else {
			fmt.Fprintf(out, "{\"rows\":%d}\n", count)
		}
		out.Flush()
	}
}
