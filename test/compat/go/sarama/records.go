package main

import (
	"fmt"
	"strings"
	"time"

	"elytra/compat/check"
	"github.com/IBM/sarama"
)

func recordChecks() []check.Check {
	var checks []check.Check
	for _, codec := range []sarama.CompressionCodec{sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD} {
		checks = append(checks, check.Check{Name: "records through " + codec.String() + " come back as sent", Run: func() { throughCodec(codec) }})
	}
	for _, version := range []sarama.KafkaVersion{sarama.V2_1_0_0, sarama.V2_8_0_0, sarama.V3_9_0_0, sarama.MaxVersion} {
		checks = append(checks, check.Check{Name: "a client set to Kafka " + version.String() + " produces, consumes and administers", Run: func() { ofVersion(version) }})
	}
	return append(checks,
		check.Check{Name: "an idempotent producer writes each record once, in order", Run: idempotent},
		check.Check{Name: "an asynchronous producer with acks=1 and acks=0", Run: asynchronous},
		check.Check{Name: "a consumer begins at an offset, at the end and at a time", Run: startOffsets},
	)
}

func throughCodec(codec sarama.CompressionCodec) {
	topic := createTopic(2)
	c := config()
	c.Producer.Compression = codec
	var sent []*sarama.ProducerMessage
	for n := range 1000 {
		one := message(topic, int32(n%2), fmt.Sprint(n, strings.Repeat(" käfer", n%40)))
		one.Key, one.Timestamp = sarama.StringEncoder(fmt.Sprint("k", n%9)), time.UnixMilli(1_700_000_000_000+int64(n))
		one.Headers = []sarama.RecordHeader{{Key: []byte("n"), Value: fmt.Append(nil, n)}}
		sent = append(sent, one)
	}
	produce(sent, c)
	for partition := range int32(2) {
		for n, got := range read(topic, partition, sarama.OffsetOldest, 500, c) {
			wanted := sent[2*n+int(partition)]
			check.Equal(fmt.Sprint(string(got.Key), string(got.Value), got.Offset, got.Timestamp.UnixMilli(), string(got.Headers[0].Key), string(got.Headers[0].Value)),
				fmt.Sprint(wanted.Key, wanted.Value, int64(n), wanted.Timestamp.UnixMilli(), "n", string(wanted.Headers[0].Value)), "record")
		}
	}
}

func ofVersion(version sarama.KafkaVersion) {
	c := config()
	c.Version = version
	adm := check.Must(sarama.NewClusterAdmin(brokers(), c))
	defer adm.Close()
	topic := check.Unique("sarama")
	check.No(adm.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	produce(numbered(topic, 0, 20, 1), c)
	check.Equal(values(read(topic, 0, 5, 15, c))[0], "5", "the first")
	_, there := check.Must(adm.ListTopics())[topic]
	check.That(there, "the topic is not listed")
	check.That(len(check.Must(adm.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic}))) > 10, "few configs")
	one := join(topic, check.Unique("group"), c)
	check.Until("20 records", func() bool { return len(one.read()) == 20 })
	one.leave()
	check.No(adm.DeleteTopic(topic))
}

func idempotent() {
	topic := createTopic(2)
	c := config()
	c.Producer.Idempotent, c.Net.MaxOpenRequests, c.Producer.RequiredAcks = true, 1, sarama.WaitForAll
	c.Producer.Flush.MaxMessages = 20
	produce(numbered(topic, 0, 2000, 2), c)
	for partition := range int32(2) {
		for n, value := range values(read(topic, partition, sarama.OffsetOldest, 1000, c)) {
			check.Equal(value, fmt.Sprint(2*n+int(partition)), "record")
		}
	}
}

func asynchronous() {
	for _, acks := range []sarama.RequiredAcks{sarama.WaitForLocal, sarama.NoResponse} {
		topic := createTopic(1)
		c := config()
		c.Producer.RequiredAcks = acks
		producer := check.Must(sarama.NewAsyncProducer(brokers(), c))
		go func() {
			for _, one := range numbered(topic, 0, 300, 1) {
				producer.Input() <- one
			}
			producer.AsyncClose()
		}()
		count := 0
		for range producer.Successes() {
			count++
		}
		for failed := range producer.Errors() {
			check.No(failed)
		}
		check.Equal(count, 300, "successes")
		check.Equal(values(read(topic, 0, sarama.OffsetOldest, 300, c))[299], "299", "the last")
	}
}

func startOffsets() {
	topic := createTopic(1)
	base := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	sent := numbered(topic, 0, 100, 1)
	for n, one := range sent {
		one.Timestamp = base.Add(time.Duration(n) * time.Second)
	}
	produce(sent, config())
	client := check.Must(sarama.NewClient(brokers(), config()))
	defer client.Close()
	at := func(time int64) int64 { return check.Must(client.GetOffset(topic, 0, time)) }
	check.Equal([]int64{at(sarama.OffsetOldest), at(sarama.OffsetNewest), at(base.UnixMilli() + 41_500)}, []int64{0, 100, 42}, "offsets")
	check.Equal(values(read(topic, 0, 42, 1, config())), []string{"42"}, "from 42")
	consumer := check.Must(sarama.NewConsumer(brokers(), config()))
	defer consumer.Close()
	end := check.Must(consumer.ConsumePartition(topic, 0, sarama.OffsetNewest))
	produce(numbered(topic, 100, 101, 1), config())
	check.Equal(string((<-end.Messages()).Value), "100", "from the end")
	check.No(end.Close())
	_, err := consumer.ConsumePartition(topic, 0, 5000)
	check.Equal(err, error(sarama.ErrOffsetOutOfRange), "beyond the end")
}
