// SPDX-License-Identifier: Apache-2.0

// Command go-design is the consumer that this project replaces, as its plan has it: grpc-go, one
// goroutine that receives, a channel, a batch of events behind a mutex, Arrow's record builder and
// pqarrow. It is here to be measured against (bench/side-by-side) and for nothing else: it has no
// commit, no checks, no dead letters.
//
// Where the plan leaves it open, or would not compile, what costs less was taken: records join one
// row group of up to a million rows (the plan's WriteTable made one of each batch).
//
//	go-design ENDPOINT OUTPUT_PATH FIRST LAST
package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/withObsrvr/ttp-parquet-consumer/bench/go-design/events"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	batchSize     = 1000
	flushInterval = 30 * time.Second
	maxFileSize   = 128 << 20
	method        = "/token_transfer_service.EventService/GetTTPEvents"
)

type eventData struct {
	timestamp       time.Time
	ledgerSequence  uint32
	transactionHash string
	eventType       string
	sourceAccount   string
	destAccount     string
	assetCode       string
	assetIssuer     string
	amount          string
	memo            string
	hasMemo         bool
}

type consumer struct {
	outputPath string
	stream     grpc.ClientStream
	logger     *zap.Logger
	schema     *arrow.Schema
	builder    *array.RecordBuilder
	properties *parquet.WriterProperties

	batchMutex sync.Mutex
	batch      []eventData

	writer     *pqarrow.FileWriter
	file       *os.File
	path       string // without the part that makes it unique
	fileEvents int64
	fileSince  time.Time

	metricsMutex sync.Mutex
	received     int64
	written      int64
	files        int64
}

func ttpEventSchema() *arrow.Schema {
	text := func(name string, nullable bool) arrow.Field {
		return arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: nullable}
	}
	metadata := arrow.NewMetadata(
		[]string{"version", "description", "created_by"},
		[]string{"1.0.0", "TTP Events Schema for Parquet Storage", "parquet-consumer"})
	return arrow.NewSchema([]arrow.Field{
		{Name: "timestamp", Type: arrow.FixedWidthTypes.Timestamp_us},
		{Name: "ledger_sequence", Type: arrow.PrimitiveTypes.Uint32},
		{Name: "transaction_hash", Type: &arrow.FixedSizeBinaryType{ByteWidth: 32}},
		text("event_type", false),
		text("source_account", false),
		text("dest_account", false),
		text("asset_code", true),
		text("asset_issuer", true),
		text("amount", false),
		text("memo", true),
	}, &metadata)
}

func newConsumer(ctx context.Context, endpoint, outputPath string, first, last uint32) (*consumer, error) {
	logger, err := zap.NewProduction()
	if err != nil {
		return nil, fmt.Errorf("failed to initialize logger: %w", err)
	}
	connection, err := grpc.NewClient(endpoint,
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("failed to connect to TTP processor: %w", err)
	}
	stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, method)
	if err != nil {
		return nil, fmt.Errorf("failed to get TTP events stream: %w", err)
	}
	request := &events.GetEventsRequest{StartLedger: first, EndLedger: last}
	if err := stream.SendMsg(request); err != nil {
		return nil, fmt.Errorf("failed to ask for events: %w", err)
	}
	if err := stream.CloseSend(); err != nil {
		return nil, fmt.Errorf("failed to ask for events: %w", err)
	}
	schema := ttpEventSchema()
	return &consumer{
		outputPath: outputPath,
		stream:     stream,
		logger:     logger,
		schema:     schema,
		builder:    array.NewRecordBuilder(memory.NewGoAllocator(), schema),
		properties: parquet.NewWriterProperties(
			parquet.WithCompression(compress.Codecs.Snappy),
			parquet.WithCompressionLevel(1),
			parquet.WithVersion(parquet.V2_LATEST),
			parquet.WithDataPageSize(8192),
			parquet.WithMaxRowGroupLength(1000000)),
		batch:     make([]eventData, 0, batchSize),
		fileSince: time.Now(),
	}, nil
}

func (data *eventData) setAsset(of *events.Asset) {
	if issued := of.GetIssuedAsset(); issued != nil {
		data.assetCode, data.assetIssuer = issued.GetAssetCode(), issued.GetIssuer()
	} else if of.GetNative() {
		data.assetCode = "XLM"
	}
}

func (data *eventData) setMemo(info *events.MuxedInfo) {
	switch content := info.GetContent().(type) {
	case *events.MuxedInfo_Text:
		data.memo, data.hasMemo = content.Text, true
	case *events.MuxedInfo_Id:
		data.memo, data.hasMemo = strconv.FormatUint(content.Id, 10), true
	case *events.MuxedInfo_Hash:
		data.memo, data.hasMemo = hex.EncodeToString(content.Hash), true
	}
}

func convert(event *events.TokenTransferEvent) eventData {
	meta := event.GetMeta()
	data := eventData{
		timestamp:       meta.GetClosedAt().AsTime(),
		ledgerSequence:  meta.GetLedgerSequence(),
		transactionHash: meta.GetTxHash(),
	}
	data.setMemo(meta.GetToMuxedInfo())
	switch member := event.GetEvent().(type) {
	case *events.TokenTransferEvent_Transfer:
		data.eventType = "transfer"
		data.sourceAccount, data.destAccount = member.Transfer.GetFrom(), member.Transfer.GetTo()
		data.amount = member.Transfer.GetAmount()
		data.setAsset(member.Transfer.GetAsset())
	case *events.TokenTransferEvent_Mint:
		data.eventType = "mint"
		data.destAccount, data.amount = member.Mint.GetTo(), member.Mint.GetAmount()
		data.setAsset(member.Mint.GetAsset())
	case *events.TokenTransferEvent_Burn:
		data.eventType = "burn"
		data.sourceAccount, data.amount = member.Burn.GetFrom(), member.Burn.GetAmount()
		data.setAsset(member.Burn.GetAsset())
	case *events.TokenTransferEvent_Clawback:
		data.eventType = "clawback"
		data.sourceAccount, data.amount = member.Clawback.GetFrom(), member.Clawback.GetAmount()
		data.setAsset(member.Clawback.GetAsset())
	case *events.TokenTransferEvent_Fee:
		data.eventType = "fee"
		data.sourceAccount, data.amount = member.Fee.GetFrom(), member.Fee.GetAmount()
		data.setAsset(member.Fee.GetAsset())
	}
	return data
}

// Receives, converts and hands over; errors gets io.EOF at the end.
func (c *consumer) processEventStream(ctx context.Context, out chan<- eventData, errs chan<- error) {
	for {
		event := new(events.TokenTransferEvent)
		if err := c.stream.RecvMsg(event); err != nil {
			close(out)
			errs <- err
			return
		}
		select {
		case out <- convert(event):
			c.metricsMutex.Lock()
			c.received++
			c.metricsMutex.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

func (c *consumer) run(ctx context.Context) error {
	flush := time.NewTicker(flushInterval)
	defer flush.Stop()
	received := make(chan eventData, batchSize*2)
	errs := make(chan error, 1)
	go c.processEventStream(ctx, received, errs)
	for {
		select {
		case <-ctx.Done():
			return c.flushAndClose()
		case event, more := <-received:
			if !more {
				if err := <-errs; !errors.Is(err, io.EOF) {
					return fmt.Errorf("failed to receive event: %w", err)
				}
				return c.flushAndClose()
			}
			if err := c.addEventToBatch(event); err != nil {
				return err
			}
		case <-flush.C:
			c.batchMutex.Lock()
			err := c.flushBatch()
			c.batchMutex.Unlock()
			if err != nil {
				return err
			}
		}
	}
}

func (c *consumer) addEventToBatch(event eventData) error {
	c.batchMutex.Lock()
	defer c.batchMutex.Unlock()
	c.batch = append(c.batch, event)
	if len(c.batch) >= batchSize {
		return c.flushBatch()
	}
	return nil
}

func (c *consumer) flushBatch() error {
	if len(c.batch) == 0 {
		return nil
	}
	started := time.Now()
	record, err := c.buildArrowRecord()
	if err != nil {
		return fmt.Errorf("failed to build Arrow record: %w", err)
	}
	defer record.Release()
	if err := c.writeToParquet(record); err != nil {
		return fmt.Errorf("failed to write to Parquet: %w", err)
	}
	c.metricsMutex.Lock()
	c.written += record.NumRows()
	c.metricsMutex.Unlock()
	c.batch = c.batch[:0]
	c.logger.Debug("flushed batch to Parquet",
		zap.Int64("event_count", record.NumRows()),
		zap.Duration("processing_time", time.Since(started)))
	return nil
}

func appendOptional(builder *array.StringBuilder, text string, present bool) {
	if present {
		builder.Append(text)
	} else {
		builder.AppendNull()
	}
}

func (c *consumer) buildArrowRecord() (arrow.RecordBatch, error) {
	timestamps := c.builder.Field(0).(*array.TimestampBuilder)
	ledgers := c.builder.Field(1).(*array.Uint32Builder)
	hashes := c.builder.Field(2).(*array.FixedSizeBinaryBuilder)
	texts := make([]*array.StringBuilder, 7)
	for i := range texts {
		texts[i] = c.builder.Field(3 + i).(*array.StringBuilder)
	}
	for i := range c.batch {
		event := &c.batch[i]
		timestamps.Append(arrow.Timestamp(event.timestamp.UnixMicro()))
		ledgers.Append(event.ledgerSequence)
		hash, err := hex.DecodeString(event.transactionHash)
		if err != nil {
			return nil, fmt.Errorf("failed to decode transaction hash: %w", err)
		}
		hashes.Append(hash)
		texts[0].Append(event.eventType)
		texts[1].Append(event.sourceAccount)
		texts[2].Append(event.destAccount)
		appendOptional(texts[3], event.assetCode, event.assetCode != "")
		appendOptional(texts[4], event.assetIssuer, event.assetIssuer != "")
		texts[5].Append(event.amount)
		appendOptional(texts[6], event.memo, event.hasMemo)
	}
	return c.builder.NewRecordBatch(), nil
}

// The partition of the first row decides, as in the plan.
func (c *consumer) partitionPath(record arrow.RecordBatch) string {
	at := time.UnixMicro(int64(record.Column(0).(*array.Timestamp).Value(0))).UTC()
	return filepath.Join(c.outputPath, at.Format("year=2006/month=01/day=02/hour=15"))
}

func (c *consumer) writeToParquet(record arrow.RecordBatch) error {
	path := c.partitionPath(record)
	if c.writer == nil || path != c.path || c.writer.TotalBytesWritten() > maxFileSize ||
		time.Since(c.fileSince) > time.Hour {
		if err := c.rotateFile(path); err != nil {
			return fmt.Errorf("failed to rotate file: %w", err)
		}
	}
	c.fileEvents += record.NumRows()
	return c.writer.WriteBuffered(record)
}

func (c *consumer) rotateFile(path string) error {
	if err := c.closeFile(); err != nil {
		return err
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	name := filepath.Join(path, fmt.Sprintf("ttp_events_%d.parquet", time.Now().UnixNano()))
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("failed to create file %s: %w", name, err)
	}
	writer, err := pqarrow.NewFileWriter(c.schema, file, c.properties, pqarrow.DefaultWriterProps())
	if err != nil {
		_ = file.Close()
		return fmt.Errorf("failed to create Parquet writer: %w", err)
	}
	c.writer, c.file, c.path, c.fileEvents, c.fileSince = writer, file, path, 0, time.Now()
	c.files++
	c.logger.Info("created new parquet file", zap.String("path", name))
	return nil
}

// The writer closes its file, too.
func (c *consumer) closeFile() error {
	if c.writer == nil {
		return nil
	}
	err := c.writer.Close()
	c.logger.Info("closed parquet file", zap.String("path", c.file.Name()),
		zap.Int64("rows", c.fileEvents))
	c.writer = nil
	return err
}

func (c *consumer) flushAndClose() error {
	c.batchMutex.Lock()
	defer c.batchMutex.Unlock()
	if err := c.flushBatch(); err != nil {
		return err
	}
	return c.closeFile()
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: go-design ENDPOINT OUTPUT_PATH FIRST LAST")
		os.Exit(2)
	}
	first, firstErr := strconv.ParseUint(os.Args[3], 10, 32)
	last, lastErr := strconv.ParseUint(os.Args[4], 10, 32)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := errors.Join(firstErr, lastErr); err != nil {
		fmt.Fprintln(os.Stderr, "go-design:", err)
		os.Exit(2)
	}
	c, err := newConsumer(ctx, os.Args[1], os.Args[2], uint32(first), uint32(last))
	if err == nil {
		err = c.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "go-design:", err)
		os.Exit(1)
	}
	fmt.Printf("%d events, %d rows, %d files\n", c.received, c.written, c.files)
}
