package main

import (
	"time"

	"elytra/compat/check"
	"github.com/segmentio/kafka-go"
)

func transactionChecks() []check.Check {
	return []check.Check{
		{Name: "offsets in a transaction are the group's when it commits, not when it aborts", Run: offsetsInTransactions},
		{Name: "a second producer with the same transactional id fences the first", Run: fenced},
		{Name: "a transaction beyond its timeout cannot be committed", Run: timedOut},
	}
}

// transaction is what this client has of them: the requests, one by one.
type transaction struct {
	id       string
	producer *kafka.ProducerSession
}

func begin(id string, timeout time.Duration) transaction {
	var told *kafka.InitProducerIDResponse
	// Kafka answers CONCURRENT_TRANSACTIONS while the one before is ending.
	check.Until("a producer id", func() bool {
		told = check.Must(client().InitProducerID(background(), &kafka.InitProducerIDRequest{TransactionalID: id, TransactionTimeoutMs: int(timeout.Milliseconds()), ProducerID: -1, ProducerEpoch: -1}))
		return told.Error == nil
	})
	return transaction{id, told.Producer}
}

func (tx transaction) addPartition(topic string) error {
	told := check.Must(client().AddPartitionsToTxn(background(), &kafka.AddPartitionsToTxnRequest{TransactionalID: tx.id, ProducerID: tx.producer.ProducerID, ProducerEpoch: tx.producer.ProducerEpoch,
		Topics: map[string][]kafka.AddPartitionToTxn{topic: {{Partition: 0}}}}))
	return told.Topics[topic][0].Error
}

func (tx transaction) end(commit bool) error {
	return check.Must(client().EndTxn(background(), &kafka.EndTxnRequest{TransactionalID: tx.id, ProducerID: tx.producer.ProducerID, ProducerEpoch: tx.producer.ProducerEpoch, Committed: commit})).Error
}

func offsetsInTransactions() {
	topic, group := createTopic(1), check.Unique("group")
	for _, commits := range []bool{false, true} {
		tx := begin(check.Unique("tx"), time.Minute)
		check.No(tx.addPartition(topic))
		check.No(check.Must(client().AddOffsetsToTxn(background(), &kafka.AddOffsetsToTxnRequest{TransactionalID: tx.id, ProducerID: tx.producer.ProducerID, ProducerEpoch: tx.producer.ProducerEpoch, GroupID: group})).Error)
		told := check.Must(client().TxnOffsetCommit(background(), &kafka.TxnOffsetCommitRequest{TransactionalID: tx.id, GroupID: group, ProducerID: tx.producer.ProducerID, ProducerEpoch: tx.producer.ProducerEpoch, GenerationID: -1,
			Topics: map[string][]kafka.TxnOffsetCommit{topic: {{Partition: 0, Offset: 40}}}}))
		check.No(told.Topics[topic][0].Error)
		check.Equal(committed(group, topic, 0), -1, "offset before the end")
		check.No(tx.end(commits))
		wanted := int64(-1)
		if commits {
			wanted = 40
		}
		check.Until("the offset", func() bool { return committed(group, topic, 0) == wanted })
	}
}

func fenced() {
	topic, id := createTopic(1), check.Unique("tx")
	first := begin(id, time.Minute)
	check.No(first.addPartition(topic))
	second := begin(id, time.Minute)
	check.That(first.end(true) != nil, "the first committed")
	check.That(first.addPartition(topic) != nil, "the first went on")
	check.No(second.addPartition(topic))
	check.No(second.end(true))
}

func timedOut() {
	topic := createTopic(1)
	tx := begin(check.Unique("tx"), time.Second)
	check.No(tx.addPartition(topic))
	// Nothing else tells that it is over.
	check.Until("it to be over", func() bool { return tx.addPartition(topic) != nil })
	check.That(tx.end(true) != nil, "it was committed")
}
