package main

import (
	"errors"
	"fmt"
	"time"

	"elytra/compat/check"
	"github.com/IBM/sarama"
)

func transactionChecks() []check.Check {
	return []check.Check{
		{Name: "committed transactions are read, aborted ones are not", Run: commitAndAbort},
		{Name: "a reader of committed records waits at an open transaction, another does not", Run: openTransaction},
		{Name: "a second producer with the same transactional id fences the first", Run: fenced},
		{Name: "a transaction beyond its timeout is aborted, and its producer cannot commit it", Run: timedOut},
		{Name: "consume, transform, produce: offsets are those of committed transactions", Run: offsetsInTransactions},
		{Name: "admin describes and lists transactions and producers", Run: describedTransactions},
	}
}

func transactional(id string, timeout time.Duration) sarama.SyncProducer {
	c := config()
	c.Producer.Idempotent, c.Net.MaxOpenRequests, c.Producer.RequiredAcks = true, 1, sarama.WaitForAll
	c.Producer.Transaction.ID, c.Producer.Transaction.Timeout = id, timeout
	return check.Must(sarama.NewSyncProducer(brokers(), c))
}

func put(producer sarama.SyncProducer, topic string, partition int32, value string) {
	_, _, err := producer.SendMessage(message(topic, partition, value))
	check.No(err)
}

func commitAndAbort() {
	topic := createTopic(2)
	producer := transactional(check.Unique("tx"), time.Minute)
	defer producer.Close()
	wanted := [2][]string{}
	for n := range 12 {
		commits := n%3 != 1
		check.No(producer.BeginTxn())
		for i := range 10 {
			value := fmt.Sprint(n, ".", i)
			put(producer, topic, int32(i%2), value)
			if commits {
				wanted[i%2] = append(wanted[i%2], value)
			}
		}
		if commits {
			check.No(producer.CommitTxn())
		} else {
			check.No(producer.AbortTxn())
		}
	}
	for partition := range 2 {
		check.Equal(values(read(topic, int32(partition), sarama.OffsetOldest, len(wanted[partition]), config())), wanted[partition], "committed")
	}
}

func uncommitted() *sarama.Config {
	c := config()
	c.Consumer.IsolationLevel = sarama.ReadUncommitted
	return c
}

func openTransaction() {
	topic := createTopic(1)
	producer := transactional(check.Unique("tx"), time.Minute)
	defer producer.Close()
	check.No(producer.BeginTxn())
	put(producer, topic, 0, "open")
	produce([]*sarama.ProducerMessage{message(topic, 0, "behind it")}, config())
	check.Equal(values(read(topic, 0, sarama.OffsetOldest, 2, uncommitted())), []string{"open", "behind it"}, "uncommitted")
	adm := admin()
	defer adm.Close()
	latest := func(level sarama.IsolationLevel) int64 {
		return check.Must(adm.ListOffsets(map[string]map[int32]int64{topic: {0: sarama.OffsetNewest}}, &sarama.ListOffsetsOptions{IsolationLevel: level}))[topic][0].Offset
	}
	check.Equal([]int64{latest(sarama.ReadCommitted), latest(sarama.ReadUncommitted)}, []int64{0, 2}, "last stable offset and high watermark")
	check.No(producer.CommitTxn())
	check.Equal(values(read(topic, 0, sarama.OffsetOldest, 2, config())), []string{"open", "behind it"}, "committed")
}

func fenced() {
	topic, id := createTopic(1), check.Unique("tx")
	first := transactional(id, time.Minute)
	defer first.Close()
	check.No(first.BeginTxn())
	put(first, topic, 0, "of the first")
	second := transactional(id, time.Minute)
	defer second.Close()
	check.No(second.BeginTxn())
	put(second, topic, 0, "of the second")
	check.No(second.CommitTxn())
	err := first.CommitTxn()
	// Sarama has no name for PRODUCER_FENCED.
	check.That(errors.Is(err, sarama.KError(90)) || errors.Is(err, sarama.ErrInvalidProducerEpoch), "the first was told %v", err)
	check.That(first.TxnStatus()&sarama.ProducerTxnFlagFatalError != 0, "its status is %v", first.TxnStatus())
	check.Equal(values(read(topic, 0, sarama.OffsetOldest, 1, config())), []string{"of the second"}, "committed")
}

func timedOut() {
	topic, id := createTopic(1), check.Unique("tx")
	producer := transactional(id, time.Second)
	defer producer.Close()
	check.No(producer.BeginTxn())
	put(producer, topic, 0, "too late")
	produce([]*sarama.ProducerMessage{message(topic, 0, "behind it")}, config())
	check.Equal(values(read(topic, 0, sarama.OffsetOldest, 1, config())), []string{"behind it"}, "committed")
	check.That(producer.CommitTxn() != nil, "it was committed")
	next := transactional(id, time.Minute)
	defer next.Close()
	check.No(next.BeginTxn())
	put(next, topic, 0, "in time")
	check.No(next.CommitTxn())
	check.Equal(values(read(topic, 0, sarama.OffsetOldest, 2, config())), []string{"behind it", "in time"}, "committed in the end")
}

func offsetsInTransactions() {
	source, target, group := createTopic(1), createTopic(1), check.Unique("group")
	produce(numbered(source, 0, 40, 1), config())
	adm := admin()
	defer adm.Close()
	for _, commits := range []bool{false, true} {
		producer := transactional(check.Unique("tx"), time.Minute)
		check.No(producer.BeginTxn())
		messages := read(source, 0, sarama.OffsetOldest, 40, config())
		for _, one := range messages {
			put(producer, target, 0, string(one.Value))
		}
		check.No(producer.AddMessageToTxnWithGroupMetadata(messages[39], sarama.NewConsumerGroupMetadata(group), nil))
		wanted := int64(-1)
		if commits {
			wanted = 40
			check.No(producer.CommitTxn())
		} else {
			check.No(producer.AbortTxn())
		}
		check.No(producer.Close())
		check.Equal(check.Must(adm.ListConsumerGroupOffsets(group, map[string][]int32{source: {0}})).GetBlock(source, 0).Offset, wanted, "committed offset")
	}
	check.Equal(values(read(target, 0, sarama.OffsetOldest, 40, config())), values(read(source, 0, sarama.OffsetOldest, 40, config())), "transformed")
}

func describedTransactions() {
	topic, id := createTopic(1), check.Unique("tx")
	producer := transactional(id, time.Minute)
	defer producer.Close()
	check.No(producer.BeginTxn())
	put(producer, topic, 0, "open")
	adm := admin().(sarama.TransactionClusterAdmin)
	defer adm.Close()
	described := check.Must(adm.DescribeTransactions([]string{id}))[id]
	check.Equal(fmt.Sprintln(described.ErrorCode, described.TransactionState, described.TransactionTimeout), fmt.Sprintln(sarama.ErrNoError, "Ongoing", time.Minute), "transaction")
	check.Equal(described.Topics[0].Topic, topic, "its topic")
	found := false
	for _, listed := range check.Must(adm.ListTransactions([]string{"Ongoing"}, nil, -1)) {
		found = found || listed.TransactionalID == id && listed.ProducerID == described.ProducerID
	}
	check.That(found, "%s is not listed", id)
	producers := check.Must(adm.DescribeProducers(map[string][]int32{topic: {0}}))[topic][0].ActiveProducers
	check.That(len(producers) == 1 && producers[0].ProducerID == described.ProducerID && producers[0].CurrentTxnStartOffset == 0, "producers %+v", producers)
	check.No(producer.AbortTxn())
	check.Until("the end", func() bool {
		return check.Must(adm.DescribeTransactions([]string{id}))[id].TransactionState == "CompleteAbort"
	})
}
