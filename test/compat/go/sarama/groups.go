package main

import (
	"context"
	"fmt"
	"sync"

	"elytra/compat/check"
	"github.com/IBM/sarama"
)

func groupChecks() []check.Check {
	var checks []check.Check
	for _, strategy := range []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange(), sarama.NewBalanceStrategyRoundRobin(), sarama.NewBalanceStrategySticky(), sarama.NewBalanceStrategyCooperativeSticky()} {
		checks = append(checks, check.Check{Name: "members come and go, and each record is read: " + strategy.Name(), Run: func() { membersComeAndGo(strategy) }})
	}
	return append(checks,
		check.Check{Name: "what was committed is where the next one begins, with metadata", Run: commitAndResume},
		check.Check{Name: "a static member that restarts keeps its partitions", Run: staticMember},
	)
}

// member consumes in the background; what it holds and what it has read can be asked at any time.
type member struct {
	group  sarama.ConsumerGroup
	topic  string
	stop   context.CancelFunc
	ended  chan struct{}
	mu     sync.Mutex
	claims map[int32]int
	id     string
	seen   []string
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.id = session.MemberID()
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	m.claim(claim.Partition(), 1)
	defer m.claim(claim.Partition(), -1)
	for {
		select {
		case one, open := <-claim.Messages():
			if !open {
				return nil
			}
			m.mu.Lock()
			m.seen = append(m.seen, string(one.Value))
			m.mu.Unlock()
			session.MarkMessage(one, "größe")
		case <-session.Context().Done():
			return nil
		}
	}
}

func (m *member) claim(partition int32, change int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.claims[partition] += change; m.claims[partition] == 0 {
		delete(m.claims, partition)
	}
}

func join(topic, group string, c *sarama.Config) *member {
	ctx, stop := context.WithCancel(context.Background())
	m := &member{group: check.Must(sarama.NewConsumerGroup(brokers(), group, c)), topic: topic, stop: stop, ended: make(chan struct{}), claims: map[int32]int{}}
	go func() {
		defer close(m.ended)
		for ctx.Err() == nil {
			if err := m.group.Consume(ctx, []string{topic}, m); err != nil && ctx.Err() == nil {
				fmt.Println("consume:", err)
			}
		}
	}()
	return m
}

func (m *member) holds() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprint(m.claims)
}

func (m *member) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.claims)
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
	check.No(m.group.Close())
}

func distinct(members ...*member) int {
	seen := map[string]bool{}
	for _, m := range members {
		for _, value := range m.read() {
			seen[value] = true
		}
	}
	return len(seen)
}

func membersComeAndGo(strategy sarama.BalanceStrategy) {
	topic, group := createTopic(4), check.Unique("group")
	c := config()
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	first := join(topic, group, c)
	check.Until("the first to hold all", func() bool { return first.count() == 4 })
	produce(numbered(topic, 0, 200, 4), c)
	second := join(topic, group, c)
	check.Until("both to hold two", func() bool { return first.count() == 2 && second.count() == 2 })
	produce(numbered(topic, 200, 400, 4), c)
	check.Until("400 records", func() bool { return distinct(first, second) == 400 })
	check.That(len(second.read()) > 0, "the second read nothing")
	first.leave()
	check.Until("the second to hold all", func() bool { return second.count() == 4 })
	produce(numbered(topic, 400, 600, 4), c)
	check.Until("600 records", func() bool { return distinct(first, second) == 600 })
	second.leave()
	adm := admin()
	defer adm.Close()
	offsets := check.Must(adm.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0, 1, 2, 3}}))
	for partition := range int32(4) {
		check.Equal(offsets.GetBlock(topic, partition).Offset, 150, "committed offset")
	}
}

func commitAndResume() {
	topic, group := createTopic(1), check.Unique("group")
	produce(numbered(topic, 0, 10, 1), config())
	one := join(topic, group, config())
	check.Until("10 records", func() bool { return len(one.read()) == 10 })
	one.leave()
	adm := admin()
	defer adm.Close()
	block := check.Must(adm.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0}})).GetBlock(topic, 0)
	check.Equal(fmt.Sprintln(block.Offset, block.Metadata), "10 größe\n", "committed")
	produce(numbered(topic, 10, 12, 1), config())
	two := join(topic, group, config())
	check.Until("two records", func() bool { return len(two.read()) >= 2 })
	two.leave()
	check.Equal(two.read(), []string{"10", "11"}, "what is new")
	// An offset manager, which is no member, moves the group back.
	client := check.Must(sarama.NewClient(brokers(), config()))
	defer client.Close()
	manager := check.Must(sarama.NewOffsetManagerFromClient(group, client))
	partition := check.Must(manager.ManagePartition(topic, 0))
	partition.ResetOffset(7, "back")
	manager.Commit()
	check.No(manager.Close())
	block = check.Must(adm.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0}})).GetBlock(topic, 0)
	check.Equal(fmt.Sprintln(block.Offset, block.Metadata), "7 back\n", "committed")
}

func staticMember() {
	topic, group := createTopic(4), check.Unique("group")
	named := func(name string) *member {
		c := config()
		c.Consumer.Group.InstanceId = name
		return join(topic, group, c)
	}
	a, b := named("a"), named("b")
	check.Until("both to hold two", func() bool { return a.count() == 2 && b.count() == 2 })
	held := a.holds()
	a.leave()
	again := named("a")
	check.Until("it to hold two again", func() bool { return again.count() == 2 })
	check.Equal(again.holds(), held, "partitions")
	again.leave()
	b.leave()
}
