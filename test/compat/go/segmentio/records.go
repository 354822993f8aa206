package main

import (
	"fmt"
	"strings"
	"time"

	"elytra/compat/check"
	"github.com/segmentio/kafka-go"
)

func recordChecks() []check.Check {
	codecs := []struct {
		name  string
		codec kafka.Compression
	}{{"none", 0}, {"gzip", kafka.Gzip}, {"snappy", kafka.Snappy}, {"lz4", kafka.Lz4}, {"zstd", kafka.Zstd}}
	var checks []check.Check
	for _, one := range codecs {
		checks = append(checks, check.Check{Name: "records through " + one.name + " come back as sent", Run: func() { throughCodec(one.codec) }})
	}
	return append(checks,
		check.Check{Name: "acks=all, 1 and 0, in order", Run: acks},
		check.Check{Name: "a reader begins at an offset, at the end and at a time", Run: startOffsets},
		check.Check{Name: "the client's own Produce and Fetch, and its old connection", Run: lowLevel},
	)
}

func throughCodec(codec kafka.Compression) {
	topic := createTopic(2)
	var sent []kafka.Message
	for n := range 1000 {
		sent = append(sent, kafka.Message{WriterData: n % 2, Key: fmt.Appendf(nil, "k%d", n%9), Value: []byte(fmt.Sprint(n, strings.Repeat(" käfer", n%40))),
			Headers: []kafka.Header{{Key: "n", Value: fmt.Append(nil, n)}}, Time: time.UnixMilli(1_700_000_000_000 + int64(n))})
	}
	produce(topic, sent, func(writer *kafka.Writer) { writer.Compression = codec })
	for partition := range 2 {
		for n, got := range read(topic, partition, 0, 500, kafka.ReadCommitted) {
			wanted := sent[2*n+partition]
			check.Equal(fmt.Sprint(string(got.Key), string(got.Value), got.Offset, got.Time.UnixMilli(), got.Headers), fmt.Sprint(string(wanted.Key), string(wanted.Value), n, wanted.Time.UnixMilli(), wanted.Headers), "record")
		}
	}
}

func acks() {
	for _, wanted := range []kafka.RequiredAcks{kafka.RequireAll, kafka.RequireOne, kafka.RequireNone} {
		topic := createTopic(1)
		produce(topic, numbered(0, 300, 1), func(writer *kafka.Writer) { writer.RequiredAcks = wanted })
		check.Equal(values(read(topic, 0, 0, 300, kafka.ReadCommitted)), values(numbered(0, 300, 1)), "values")
	}
}

func startOffsets() {
	topic := createTopic(1)
	base := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	sent := numbered(0, 100, 1)
	for n := range sent {
		sent[n].Time = base.Add(time.Duration(n) * time.Second)
	}
	produce(topic, sent)
	check.Equal(values(read(topic, 0, 17, 1, kafka.ReadCommitted)), []string{"17"}, "from 17")
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{check.Bootstrap()}, Topic: topic, MaxWait: 200 * time.Millisecond})
	defer reader.Close()
	check.No(reader.SetOffsetAt(background(), base.Add(41_500*time.Millisecond)))
	check.Equal(string(check.Must(reader.ReadMessage(background())).Value), "42", "by time")
	check.Equal(check.Must(reader.ReadLag(background())), 57, "lag")
	check.No(reader.SetOffset(kafka.LastOffset))
	produce(topic, numbered(100, 101, 1))
	// Where "the last" is, the reader asks when it reads: before or after the new one.
	produceUntilRead(topic, reader)
	listed := check.Must(client().ListOffsets(background(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0), kafka.TimeOffsetOf(0, base.Add(10*time.Second))}}}))
	partition := listed.Topics[topic][0]
	check.No(partition.Error)
	check.Equal(partition.FirstOffset, 0, "first")
	_, found := partition.Offsets[10]
	check.That(found, "by time: %v", partition.Offsets)
}

func produceUntilRead(topic string, reader *kafka.Reader) {
	got := make(chan string, 1)
	go func() { got <- string(check.Must(reader.ReadMessage(background())).Value) }()
	check.Until("a new record", func() bool {
		select {
		case value := <-got:
			return value >= "100"
		default:
			produce(topic, numbered(101, 102, 1))
			return false
		}
	})
}

func lowLevel() {
	topic := createTopic(1)
	told := check.Must(client().Produce(background(), &kafka.ProduceRequest{Topic: topic, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(
		kafka.Record{Key: kafka.NewBytes([]byte("k")), Value: kafka.NewBytes([]byte("one"))}, kafka.Record{Value: kafka.NewBytes([]byte("two"))})}))
	check.No(told.Error)
	fetched := check.Must(client().Fetch(background(), &kafka.FetchRequest{Topic: topic, Offset: 1, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second}))
	check.No(fetched.Error)
	check.Equal(fetched.HighWatermark, 2, "high watermark")
	conn := check.Must(kafka.DialLeader(background(), "tcp", check.Bootstrap(), topic, 0))
	defer conn.Close()
	_, err := conn.WriteMessages(kafka.Message{Value: []byte("three")})
	check.No(err)
	first, last, err := conn.ReadOffsets()
	check.No(err)
	check.Equal([]int64{first, last}, []int64{0, 3}, "offsets")
	_ = check.Must(conn.Seek(2, kafka.SeekAbsolute))
	check.Equal(string(check.Must(conn.ReadMessage(1e6)).Value), "three", "what it reads")
}
