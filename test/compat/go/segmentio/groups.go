package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"elytra/compat/check"
	"github.com/segmentio/kafka-go"
)

func groupChecks() []check.Check {
	return []check.Check{
		{Name: "members come and go, and each record is read: range", Run: func() { membersComeAndGo(kafka.RangeGroupBalancer{}) }},
		{Name: "members come and go, and each record is read: roundrobin", Run: func() { membersComeAndGo(kafka.RoundRobinGroupBalancer{}) }},
		{Name: "what was committed is where the next one begins, and a record not committed comes again", Run: commitAndResume},
	}
}

func groupReader(topic, group string, balancer kafka.GroupBalancer) *kafka.Reader {
	return kafka.NewReader(kafka.ReaderConfig{Brokers: []string{check.Bootstrap()}, GroupID: group, Topic: topic, GroupBalancers: []kafka.GroupBalancer{balancer}, StartOffset: kafka.FirstOffset,
		HeartbeatInterval: 300 * time.Millisecond, SessionTimeout: 10 * time.Second, RebalanceTimeout: 10 * time.Second, JoinGroupBackoff: 100 * time.Millisecond, MaxWait: 200 * time.Millisecond})
}

// member reads and commits one message after the other in the background.
type member struct {
	reader *kafka.Reader
	stop   context.CancelFunc
	ended  chan struct{}
	mu     sync.Mutex
	seen   []string
}

func join(topic, group string, balancer kafka.GroupBalancer) *member {
	ctx, stop := context.WithCancel(context.Background())
	m := &member{reader: groupReader(topic, group, balancer), stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(m.ended)
		for {
			one, err := m.reader.FetchMessage(ctx)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.seen = append(m.seen, string(one.Value))
			m.mu.Unlock()
			if err = m.reader.CommitMessages(background(), one); err != nil {
				fmt.Println("commit:", err)
			}
		}
	}()
	return m
}

func (m *member) read() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.seen...)
}

func (m *member) leave() {
	m.stop()
	<-m.ended
	check.No(m.reader.Close())
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

// balanced waits until the broker shows so many members, with so many partitions each.
func balanced(group, topic string, members, partitions int) {
	check.Until(fmt.Sprint(members, " members with ", partitions, " partitions each"), func() bool {
		described := check.Must(client().DescribeGroups(background(), &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})).Groups[0]
		check.No(described.Error)
		if described.GroupState != "Stable" || len(described.Members) != members {
			return false
		}
		for _, one := range described.Members {
			count := 0
			for _, assigned := range one.MemberAssignments.Topics {
				count += len(assigned.Partitions)
			}
			if count != partitions {
				return false
			}
		}
		return true
	})
}

func membersComeAndGo(balancer kafka.GroupBalancer) {
	topic, group := createTopic(4), check.Unique("group")
	first := join(topic, group, balancer)
	balanced(group, topic, 1, 4)
	produce(topic, numbered(0, 80, 4))
	second := join(topic, group, balancer)
	balanced(group, topic, 2, 2)
	produce(topic, numbered(80, 160, 4))
	check.Until("160 records", func() bool { return distinct(first, second) == 160 })
	check.That(len(second.read()) > 0, "the second read nothing")
	first.leave()
	balanced(group, topic, 1, 4)
	produce(topic, numbered(160, 240, 4))
	check.Until("240 records", func() bool { return distinct(first, second) == 240 })
	second.leave()
	for partition := range 4 {
		check.Equal(committed(group, topic, partition), 60, "committed offset")
	}
}

func committed(group, topic string, partition int) int64 {
	fetched := check.Must(client().OffsetFetch(background(), &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {partition}}}))
	check.No(fetched.Error)
	check.No(fetched.Topics[topic][0].Error)
	return fetched.Topics[topic][0].CommittedOffset
}

func commitAndResume() {
	topic, group := createTopic(1), check.Unique("group")
	produce(topic, numbered(0, 10, 1))
	one := groupReader(topic, group, kafka.RangeGroupBalancer{})
	var got []kafka.Message
	for range 10 {
		got = append(got, check.Must(one.FetchMessage(background())))
	}
	check.No(one.CommitMessages(background(), got[6]))
	check.No(one.Close())
	two := groupReader(topic, group, kafka.RangeGroupBalancer{})
	defer two.Close()
	again := []kafka.Message{check.Must(two.FetchMessage(background())), check.Must(two.FetchMessage(background())), check.Must(two.FetchMessage(background()))}
	check.Equal(values(again), []string{"7", "8", "9"}, "what is read again")
	check.No(two.CommitMessages(background(), again...))
	check.Equal(committed(group, topic, 0), 10, "committed")
}
