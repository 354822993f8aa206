// segmentio/kafka-go: records through every codec, groups, offsets in transactions, admin and logins. It has neither
// idempotent nor transactional producers.
// Arguments: HOST:PORT, and a JSON of a broker with users (check.Secured).
package main

import (
	"context"
	"fmt"
	"time"

	"elytra/compat/check"
	"github.com/segmentio/kafka-go"
)

func main() {
	checks := append(recordChecks(), groupChecks()...)
	checks = append(checks, transactionChecks()...)
	checks = append(checks, adminChecks()...)
	if secured := check.SecuredPeer(); secured != nil {
		checks = append(checks, securityChecks(secured)...)
	}
	check.All(checks)
}

func background() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), check.Limit)
	time.AfterFunc(check.Limit, cancel)
	return ctx
}

// One for all, as each asks for metadata for as long as the program runs; it keeps them for a moment only.
var transport = &kafka.Transport{MetadataTTL: 100 * time.Millisecond}

func client() *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(check.Bootstrap()), Transport: transport}
}

func createTopic(partitions int) string {
	topic := check.Unique("segmentio")
	made := check.Must(client().CreateTopics(background(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}}}))
	check.No(made.Errors[topic])
	check.Until("the metadata of it", func() bool {
		known := check.Must(client().Metadata(background(), &kafka.MetadataRequest{Topics: []string{topic}})).Topics[0]
		return known.Error == nil && len(known.Partitions) == partitions
	})
	return topic
}

// byPartition writes a message to the partition in its field `WriterData`: a Writer does not look at `Partition`.
type byPartition struct{}

func (byPartition) Balance(msg kafka.Message, partitions ...int) int {
	partition, _ := msg.WriterData.(int)
	return partition
}

func produce(topic string, messages []kafka.Message, change ...func(*kafka.Writer)) {
	writer := &kafka.Writer{Addr: kafka.TCP(check.Bootstrap()), Topic: topic, Balancer: byPartition{}, BatchTimeout: 5 * time.Millisecond, RequiredAcks: kafka.RequireAll, Transport: transport}
	for _, how := range change {
		how(writer)
	}
	defer writer.Close()
	check.No(writer.WriteMessages(background(), messages...))
}

func numbered(from, to, partitions int) []kafka.Message {
	var messages []kafka.Message
	for n := from; n < to; n++ {
		messages = append(messages, kafka.Message{WriterData: n % partitions, Value: fmt.Append(nil, n)})
	}
	return messages
}

// read is the first `count` messages of a partition from an offset on.
func read(topic string, partition int, offset int64, count int, level kafka.IsolationLevel) []kafka.Message {
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{check.Bootstrap()}, Topic: topic, Partition: partition, MaxWait: 200 * time.Millisecond, IsolationLevel: level})
	defer reader.Close()
	check.No(reader.SetOffset(offset))
	var got []kafka.Message
	for len(got) < count {
		got = append(got, check.Must(reader.ReadMessage(background())))
	}
	return got
}

func values(messages []kafka.Message) []string {
	texts := []string{}
	for _, one := range messages {
		texts = append(texts, string(one.Value))
	}
	return texts
}
