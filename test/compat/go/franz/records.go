package main

import (
	"fmt"
	"strings"
	"time"

	"elytra/compat/check"
	"github.com/twmb/franz-go/pkg/kgo"
)

func recordChecks() []check.Check {
	codecs := []struct {
		name  string
		codec kgo.CompressionCodec
	}{{"none", kgo.NoCompression()}, {"gzip", kgo.GzipCompression()}, {"snappy", kgo.SnappyCompression()}, {"lz4", kgo.Lz4Compression()}, {"zstd", kgo.ZstdCompression()}}
	var checks []check.Check
	for _, one := range codecs {
		checks = append(checks, check.Check{Name: "records through " + one.name + " come back as sent", Run: func() { throughCodec(one.codec) }})
	}
	return append(checks,
		check.Check{Name: "an idempotent producer with many requests in flight writes each record once, in order", Run: idempotent},
		check.Check{Name: "acks=1 and acks=0 without idempotence", Run: fewerAcks},
		check.Check{Name: "null and empty keys, values and headers stay apart", Run: nulls},
		check.Check{Name: "a consumer begins at a time, at an offset and at the end", Run: startOffsets},
		check.Check{Name: "a regular expression finds topics, also those made later", Run: regex},
	)
}

func throughCodec(codec kgo.CompressionCodec) {
	topic := createTopic(2)
	var sent []*kgo.Record
	for n := range 1000 {
		sent = append(sent, &kgo.Record{Topic: topic, Partition: int32(n % 2), Key: fmt.Appendf(nil, "k%d", n%9), Value: []byte(fmt.Sprint(n, strings.Repeat(" käfer", n%40))),
			Headers: []kgo.RecordHeader{{Key: "n", Value: fmt.Append(nil, n)}}, Timestamp: time.UnixMilli(1_700_000_000_000 + int64(n))})
	}
	produce(sent, kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(5*time.Millisecond))
	next := []int{0, 1}
	for _, record := range read(topic, len(sent)) {
		wanted := sent[next[record.Partition]]
		next[record.Partition] += 2
		check.Equal([]any{string(record.Key), string(record.Value), record.Headers, record.Timestamp.UnixMilli(), record.Offset},
			[]any{string(wanted.Key), string(wanted.Value), wanted.Headers, wanted.Timestamp.UnixMilli(), wanted.Offset}, "record")
	}
}

func idempotent() {
	topic := createTopic(1)
	cl := client(kgo.MaxBufferedRecords(5000), kgo.ProducerBatchMaxBytes(2000))
	defer cl.Close()
	for n := range 3000 {
		cl.Produce(background(), &kgo.Record{Topic: topic, Value: fmt.Append(nil, n)}, func(_ *kgo.Record, err error) { check.No(err) })
	}
	check.No(cl.Flush(background()))
	for n, value := range values(read(topic, 3000)) {
		check.Equal(value, fmt.Sprint(n), "record")
	}
}

func fewerAcks() {
	for _, acks := range []kgo.Acks{kgo.LeaderAck(), kgo.NoAck()} {
		topic := createTopic(1)
		var sent []*kgo.Record
		for n := range 300 {
			sent = append(sent, &kgo.Record{Topic: topic, Value: fmt.Append(nil, n)})
		}
		produce(sent, kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite())
		check.Equal(values(read(topic, 300)), values(sent), "values")
	}
}

func nulls() {
	topic := createTopic(1)
	produce([]*kgo.Record{{Topic: topic}, {Topic: topic, Key: []byte{}, Value: []byte{}, Headers: []kgo.RecordHeader{{Key: "h"}, {Key: "h", Value: []byte{}}, {Key: "h", Value: []byte{0, 255}}}}})
	got := read(topic, 2)
	check.That(got[0].Key == nil && got[0].Value == nil, "the first has key %v, value %v", got[0].Key, got[0].Value)
	check.That(got[1].Key != nil && got[1].Value != nil, "the second has key %v, value %v", got[1].Key, got[1].Value)
	headers := got[1].Headers
	check.That(len(headers) == 3 && headers[0].Value == nil && headers[1].Value != nil && string(headers[2].Value) == "\x00\xff", "headers %v", headers)
}

func startOffsets() {
	topic := createTopic(1)
	base := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	var sent []*kgo.Record
	for n := range 100 {
		sent = append(sent, &kgo.Record{Topic: topic, Value: fmt.Append(nil, n), Timestamp: base.Add(time.Duration(n) * time.Second)})
	}
	produce(sent)
	first := func(offset kgo.Offset) string { return string(pollUntilFrom(topic, offset)[0].Value) }
	check.Equal(first(kgo.NewOffset().AfterMilli(base.UnixMilli()+41_500)), "42", "by time")
	check.Equal(first(kgo.NewOffset().At(17)), "17", "by number")
	check.Equal(first(kgo.NewOffset().AtEnd().Relative(-3)), "97", "from the end")
}

func pollUntilFrom(topic string, offset kgo.Offset) []*kgo.Record {
	cl := client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: offset}}))
	defer cl.Close()
	return pollUntil(cl, 1)
}

func regex() {
	prefix := check.Unique("franz-rx")
	cl := client(kgo.ConsumeRegex(), kgo.ConsumeTopics("^"+prefix+"-.*"), kgo.MetadataMaxAge(300*time.Millisecond))
	defer cl.Close()
	adm := admin()
	defer adm.Close()
	seen := map[string]bool{}
	for _, topic := range []string{prefix + "-a", prefix + "-b", "other-" + prefix} {
		check.No(check.Must(adm.CreateTopic(background(), 1, 1, nil, topic)).Err)
		produce([]*kgo.Record{{Topic: topic, Value: []byte(topic)}})
		if topic[0] == 'o' {
			continue
		}
		check.Until("the record of "+topic, func() bool {
			for _, record := range poll(cl) {
				seen[record.Topic] = true
			}
			return seen[topic]
		})
	}
	check.Equal(len(seen), 2, "topics")
}
