package main

import (
	"errors"
	"fmt"
	"time"

	"elytra/compat/check"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
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

func transactional(id string, opts ...kgo.Opt) *kgo.Client {
	return client(append([]kgo.Opt{kgo.TransactionalID(id), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
}

func put(cl *kgo.Client, topic string, partition int32, value string) {
	check.No(cl.ProduceSync(background(), &kgo.Record{Topic: topic, Partition: partition, Value: []byte(value)}).FirstErr())
}

func commitAndAbort() {
	topic := createTopic(2)
	cl := transactional(check.Unique("tx"))
	defer cl.Close()
	wanted := [2][]string{}
	for n := range 12 {
		commits := kgo.TransactionEndTry(n%3 != 1)
		check.No(cl.BeginTransaction())
		for i := range 10 {
			value := fmt.Sprint(n, ".", i)
			put(cl, topic, int32(i%2), value)
			if commits {
				wanted[i%2] = append(wanted[i%2], value)
			}
		}
		check.No(cl.EndTransaction(background(), commits))
	}
	got := [2][]string{}
	for _, record := range read(topic, len(wanted[0])+len(wanted[1])) {
		got[record.Partition] = append(got[record.Partition], string(record.Value))
	}
	check.Equal(got, wanted, "committed")
}

func openTransaction() {
	topic := createTopic(1)
	cl := transactional(check.Unique("tx"))
	defer cl.Close()
	put1 := func(value string) { put(cl, topic, 0, value) }
	check.No(cl.BeginTransaction())
	put1("open")
	produce([]*kgo.Record{{Topic: topic, Value: []byte("behind it")}})
	check.Equal(values(read(topic, 2, kgo.FetchIsolationLevel(kgo.ReadUncommitted()))), []string{"open", "behind it"}, "uncommitted")
	reader := client(kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer reader.Close()
	adm := admin()
	defer adm.Close()
	stable, _ := check.Must(adm.ListCommittedOffsets(background(), topic)).Lookup(topic, 0)
	check.Equal(stable.Offset, 0, "last stable offset")
	check.Equal(len(poll(reader)), 0, "records before the end of the transaction")
	check.No(cl.EndTransaction(background(), kgo.TryCommit))
	check.Equal(values(pollUntil(reader, 2)), []string{"open", "behind it"}, "committed")
}

func fenced() {
	topic, id := createTopic(1), check.Unique("tx")
	first := transactional(id)
	defer first.Close()
	check.No(first.BeginTransaction())
	put(first, topic, 0, "of the first")
	second := transactional(id)
	defer second.Close()
	check.No(second.BeginTransaction())
	put(second, topic, 0, "of the second")
	check.No(second.EndTransaction(background(), kgo.TryCommit))
	err := first.EndTransaction(background(), kgo.TryCommit)
	check.That(isFenced(err), "the first was told %v", err)
	check.Equal(values(read(topic, 1)), []string{"of the second"}, "committed")
}

func isFenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) || errors.Is(err, kerr.TransactionalIDNotFound)
}

func timedOut() {
	topic, id := createTopic(1), check.Unique("tx")
	cl := transactional(id, kgo.TransactionTimeout(time.Second))
	defer cl.Close()
	check.No(cl.BeginTransaction())
	put(cl, topic, 0, "too late")
	produce([]*kgo.Record{{Topic: topic, Value: []byte("behind it")}})
	check.Equal(values(read(topic, 1)), []string{"behind it"}, "committed")
	check.That(cl.EndTransaction(background(), kgo.TryCommit) != nil, "it was committed")
	next := transactional(id)
	defer next.Close()
	check.No(next.BeginTransaction())
	put(next, topic, 0, "in time")
	check.No(next.EndTransaction(background(), kgo.TryCommit))
	check.Equal(values(read(topic, 2)), []string{"behind it", "in time"}, "committed in the end")
}

func offsetsInTransactions() {
	source, target, group := createTopic(1), createTopic(1), check.Unique("group")
	produce(numbered(source, 0, 40, 1))
	adm := admin()
	defer adm.Close()
	for _, commits := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		session := check.Must(kgo.NewGroupTransactSession(kgo.SeedBrokers(check.Bootstrap()), kgo.TransactionalID(check.Unique("tx")), kgo.ConsumerGroup(group),
			kgo.ConsumeTopics(source), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets()))
		check.No(session.Begin())
		count := 0
		check.Until("40 records", func() bool {
			for _, record := range session.PollFetches(background()).Records() {
				check.No(session.ProduceSync(background(), &kgo.Record{Topic: target, Value: record.Value}).FirstErr())
				count++
			}
			return count == 40
		})
		committed := check.Must(session.End(background(), commits))
		check.Equal(committed, bool(commits), "committed")
		session.Close()
		offset, found := check.Must(adm.FetchOffsets(background(), group)).Lookup(source, 0)
		check.Equal(found && offset.At == 40, bool(commits), "offsets committed")
	}
	check.Equal(values(read(target, 40)), values(numbered(source, 0, 40, 1)), "transformed")
}

func describedTransactions() {
	topic, id := createTopic(1), check.Unique("tx")
	cl := transactional(id)
	defer cl.Close()
	check.No(cl.BeginTransaction())
	put(cl, topic, 0, "open")
	adm := admin()
	defer adm.Close()
	described := check.Must(adm.DescribeTransactions(background(), id))[id]
	check.No(described.Err)
	check.Equal(described.State, "Ongoing", "state")
	check.Equal(described.Topics.Lookup(topic, 0), true, "its partition")
	listed := check.Must(adm.ListTransactions(background(), nil, []string{"Ongoing"}))
	check.Equal(listed[id].ProducerID, described.ProducerID, "producer id")
	var set kadm.TopicsSet
	set.Add(topic, 0)
	producers := check.Must(adm.DescribeProducers(background(), set)).SortedProducers()
	check.That(len(producers) == 1 && producers[0].ProducerID == described.ProducerID && producers[0].CurrentTxnStartOffset == 0, "producers %v", producers)
	check.No(cl.EndTransaction(background(), kgo.TryAbort))
	check.Until("the end", func() bool {
		return check.Must(adm.DescribeTransactions(background(), id))[id].State == "CompleteAbort"
	})
}
