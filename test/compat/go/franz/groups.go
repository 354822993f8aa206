package main

import (
	"context"
	"fmt"
	"sync"

	"time"

	"elytra/compat/check"
	"github.com/twmb/franz-go/pkg/kgo"
)

func groupChecks() []check.Check {
	kinds := []struct {
		name string
		opts []kgo.Opt
	}{
		{"range", []kgo.Opt{kgo.Balancers(kgo.RangeBalancer())}},
		{"sticky", []kgo.Opt{kgo.Balancers(kgo.StickyBalancer())}},
		{"cooperative-sticky", []kgo.Opt{kgo.Balancers(kgo.CooperativeStickyBalancer())}},
		{"KIP-848, uniform", []kgo.Opt{kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer())}},
		{"KIP-848, range", []kgo.Opt{kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer())}},
	}
	var checks []check.Check
	for _, kind := range kinds {
		checks = append(checks, check.Check{Name: "members come and go, and each record is read once: " + kind.name, Run: func() { membersComeAndGo(kind.opts) }})
	}
	return append(checks,
		check.Check{Name: "what was committed is where the next one begins, and a record not committed comes again", Run: commitAndResume},
		// Not by KIP-848: this version leaves with epoch -2 and without its instance id, which Kafka refuses, so that it waits for its own session to end.
		check.Check{Name: "a static member that restarts keeps its partitions", Run: staticMember},
	)
}

// member polls in the background; what it holds and what it has read can be asked at any time.
type member struct {
	cl     *kgo.Client
	mu     sync.Mutex
	held   map[int32]bool
	seen   []string
	stop   context.CancelFunc
	ended  chan struct{}
	failed error
}

func join(topic, group string, opts ...kgo.Opt) *member {
	m := &member{held: map[int32]bool{}, ended: make(chan struct{})}
	holds := func(is bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, partition := range partitions[topic] {
				if is {
					m.held[partition] = true
				} else {
					delete(m.held, partition)
				}
			}
		}
	}
	commits := func(ctx context.Context, cl *kgo.Client, partitions map[string][]int32) {
		check.No(cl.CommitUncommittedOffsets(ctx))
		holds(false)(ctx, cl, partitions)
	}
	m.cl = client(append([]kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.OnPartitionsAssigned(holds(true)), kgo.OnPartitionsRevoked(commits),
		kgo.OnPartitionsLost(holds(false)), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.HeartbeatInterval(300 * time.Millisecond)}, opts...)...)
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	go func() {
		defer close(m.ended)
		for ctx.Err() == nil {
			fetches := m.cl.PollFetches(ctx)
			m.mu.Lock()
			for _, record := range fetches.Records() {
				m.seen = append(m.seen, string(record.Value))
			}
			m.mu.Unlock()
			m.cl.AllowRebalance()
		}
	}()
	return m
}

func (m *member) holds() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.held)
}

func (m *member) read() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.seen...)
}

// leave commits what was read.
func (m *member) leave() {
	m.stop()
	<-m.ended
	check.No(m.cl.CommitUncommittedOffsets(background()))
	m.cl.CloseAllowingRebalance()
}

func distinct(members ...*member) (all, once int) {
	seen := map[string]bool{}
	for _, m := range members {
		for _, value := range m.read() {
			all++
			seen[value] = true
		}
	}
	return all, len(seen)
}

func numbered(topic string, from, to, partitions int) []*kgo.Record {
	var records []*kgo.Record
	for n := from; n < to; n++ {
		records = append(records, &kgo.Record{Topic: topic, Partition: int32(n % partitions), Value: fmt.Append(nil, n)})
	}
	return records
}

func membersComeAndGo(opts []kgo.Opt) {
	topic, group := createTopic(4), check.Unique("group")
	first := join(topic, group, opts...)
	check.Until("the first to hold all", func() bool { return first.holds() == 4 })
	produce(numbered(topic, 0, 200, 4))
	second := join(topic, group, opts...)
	check.Until("both to hold two", func() bool { return first.holds() == 2 && second.holds() == 2 })
	produce(numbered(topic, 200, 400, 4))
	check.Until("400 records", func() bool { _, once := distinct(first, second); return once == 400 })
	check.That(len(second.read()) > 0, "the second read nothing")
	first.leave()
	check.Until("the second to hold all", func() bool { return second.holds() == 4 })
	produce(numbered(topic, 400, 600, 4))
	check.Until("600 records", func() bool { _, once := distinct(first, second); return once == 600 })
	second.leave()
	all, _ := distinct(first, second)
	check.Equal(all, 600, "records read")
	adm := admin()
	defer adm.Close()
	for _, offset := range check.Must(adm.FetchOffsets(background(), group)).Sorted() {
		check.No(offset.Err)
		check.Equal(offset.At, 150, "committed offset")
	}
}

func commitAndResume() {
	topic, group := createTopic(1), check.Unique("group")
	produce(numbered(topic, 0, 10, 1))
	open := func() *kgo.Client {
		return client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit())
	}
	one := open()
	got := pollUntil(one, 10)
	check.No(one.CommitRecords(background(), got[6]))
	one.Close()
	two := open()
	defer two.Close()
	check.Equal(values(pollUntil(two, 3)), []string{"7", "8", "9"}, "what is read again")
	produce(numbered(topic, 10, 11, 1))
	check.Equal(values(pollUntil(two, 1)), []string{"10"}, "what is new")
	check.No(two.CommitUncommittedOffsets(background()))
	adm := admin()
	defer adm.Close()
	lag := check.Must(adm.Lag(background(), group))[group]
	check.No(lag.Error())
	check.Equal(lag.Lag.Total(), 0, "lag")
}

func staticMember() {
	topic, group := createTopic(4), check.Unique("group")
	named := func(name string) *member { return join(topic, group, kgo.InstanceID(name)) }
	a, b := named("a"), named("b")
	check.Until("both to hold two", func() bool { return a.holds() == 2 && b.holds() == 2 })
	held := fmt.Sprint(a.held)
	// It closes without a word: a static member is expected back.
	a.leave()
	again := named("a")
	check.Until("it to hold two again", func() bool { return again.holds() == 2 })
	check.Equal(fmt.Sprint(again.held), held, "partitions")
	again.leave()
	b.leave()
}
