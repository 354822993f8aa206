// franz-go: records through every codec, groups of both protocols, share groups, transactions, admin and logins.
// Arguments: HOST:PORT, and a JSON of a broker with users (check.Secured).
package main

import (
	"context"
	"time"

	"elytra/compat/check"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	checks := append(recordChecks(), groupChecks()...)
	checks = append(checks, shareChecks()...)
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

func client(opts ...kgo.Opt) *kgo.Client {
	return check.Must(kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(check.Bootstrap()), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(200 * time.Millisecond), kgo.MetadataMinAge(50 * time.Millisecond)}, opts...)...))
}

func admin() *kadm.Client { return kadm.NewClient(client()) }

func createTopic(partitions int32) string {
	adm := admin()
	defer adm.Close()
	topic := check.Unique("franz")
	check.No(check.Must(adm.CreateTopic(background(), partitions, 1, nil, topic)).Err)
	return topic
}

// produce writes the records, each acknowledged, by a client of its own.
func produce(records []*kgo.Record, opts ...kgo.Opt) {
	cl := client(append([]kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	defer cl.Close()
	check.No(cl.ProduceSync(background(), records...).FirstErr())
}

// poll is what came within half a second.
func poll(cl *kgo.Client) []*kgo.Record {
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	fetches := cl.PollFetches(ctx)
	for _, failed := range fetches.Errors() {
		if failed.Err != context.DeadlineExceeded {
			check.No(failed.Err, "polling ", failed.Topic)
		}
	}
	return fetches.Records()
}

// pollUntil reads `count` records, or panics.
func pollUntil(cl *kgo.Client, count int) []*kgo.Record {
	var got []*kgo.Record
	check.Until("records", func() bool {
		got = append(got, poll(cl)...)
		return len(got) >= count
	})
	return got
}

// read is all records of a topic from its start, of which there are `count`.
func read(topic string, count int, opts ...kgo.Opt) []*kgo.Record {
	cl := client(append([]kgo.Opt{kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted())}, opts...)...)
	defer cl.Close()
	got := pollUntil(cl, count)
	check.Equal(len(got), count, "records read")
	return got
}

func values(records []*kgo.Record) []string {
	texts := make([]string, 0, len(records))
	for _, record := range records {
		texts = append(texts, string(record.Value))
	}
	return texts
}
