// IBM/sarama: records through every codec, groups with every strategy, transactions, admin and logins.
// Arguments: HOST:PORT, and a JSON of a broker with users (check.Secured).
package main

import (
	"fmt"
	"time"

	"elytra/compat/check"
	"github.com/IBM/sarama"
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

// config is of the newest version that sarama knows.
func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.MaxWaitTime = 200 * time.Millisecond
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	c.Consumer.Group.Session.Timeout = 10 * time.Second
	c.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	c.Metadata.Retry.Backoff = 50 * time.Millisecond
	return c
}

func brokers() []string { return []string{check.Bootstrap()} }

func admin() sarama.ClusterAdmin { return check.Must(sarama.NewClusterAdmin(brokers(), config())) }

func createTopic(partitions int32) string {
	adm := admin()
	defer adm.Close()
	topic := check.Unique("sarama")
	check.No(adm.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false))
	return topic
}

func message(topic string, partition int32, value string) *sarama.ProducerMessage {
	return &sarama.ProducerMessage{Topic: topic, Partition: partition, Value: sarama.StringEncoder(value)}
}

func produce(messages []*sarama.ProducerMessage, c *sarama.Config) {
	producer := check.Must(sarama.NewSyncProducer(brokers(), c))
	defer producer.Close()
	check.No(producer.SendMessages(messages))
}

func numbered(topic string, from, to, partitions int) []*sarama.ProducerMessage {
	var messages []*sarama.ProducerMessage
	for n := from; n < to; n++ {
		messages = append(messages, message(topic, int32(n%partitions), fmt.Sprint(n)))
	}
	return messages
}

// read is the first `count` messages of a partition from an offset on.
func read(topic string, partition int32, offset int64, count int, c *sarama.Config) []*sarama.ConsumerMessage {
	consumer := check.Must(sarama.NewConsumer(brokers(), c))
	defer consumer.Close()
	reader := check.Must(consumer.ConsumePartition(topic, partition, offset))
	defer reader.Close()
	var got []*sarama.ConsumerMessage
	for timeout := time.After(check.Limit); len(got) < count; {
		select {
		case one := <-reader.Messages():
			got = append(got, one)
		case <-timeout:
			panic(fmt.Sprintf("%d of %d messages in %s", len(got), count, check.Limit))
		}
	}
	return got
}

func values(messages []*sarama.ConsumerMessage) []string {
	texts := []string{}
	for _, one := range messages {
		texts = append(texts, string(one.Value))
	}
	return texts
}
