package main

import (
	"errors"
	"fmt"

	"elytra/compat/check"
	"github.com/IBM/sarama"
)

func adminChecks() []check.Check {
	return []check.Check{
		{Name: "admin makes, describes, widens and deletes a topic", Run: topicLife},
		{Name: "admin is refused with Kafka's codes", Run: refused},
		{Name: "admin reads and changes configs of topics and the broker", Run: configs},
		{Name: "admin lists, describes, moves and deletes groups and their offsets", Run: groupAdmin},
		{Name: "admin deletes records, and lists offsets by time and from the start", Run: deletedRecords},
		{Name: "admin sees the cluster, log directories, elections and reassignments", Run: cluster},
		{Name: "admin sets and reads quotas", Run: quotas},
	}
}

func text(value string) *string { return &value }

func topicLife() {
	adm := admin()
	defer adm.Close()
	topic := check.Unique("sarama")
	detail := &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": text("3600000")}}
	check.No(adm.CreateTopic(topic, detail, true))
	_, there := check.Must(adm.ListTopics())[topic]
	check.That(!there, "a topic that was only validated is there")
	check.No(adm.CreateTopic(topic, detail, false))
	check.No(adm.CreatePartitions(topic, 5, nil, false))
	check.Until("five partitions", func() bool { return len(check.Must(adm.DescribeTopics([]string{topic}))[0].Partitions) == 5 })
	listed := check.Must(adm.ListTopics())[topic]
	check.Equal(*listed.ConfigEntries["retention.ms"], "3600000", "retention.ms")
	check.No(adm.DeleteTopic(topic))
	check.Until("the topic to be gone", func() bool {
		_, there := check.Must(adm.ListTopics())[topic]
		return !there
	})
}

func refused() {
	adm := admin()
	defer adm.Close()
	topic := createTopic(1)
	told := func(name string, detail sarama.TopicDetail, wanted sarama.KError) {
		err := adm.CreateTopic(name, &detail, false)
		check.That(errors.Is(err, wanted), "%s: %v instead of %v", name, err, wanted)
	}
	told(topic, sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, sarama.ErrTopicAlreadyExists)
	told("a b", sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, sarama.ErrInvalidTopic)
	told(check.Unique("t"), sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 3}, sarama.ErrInvalidReplicationFactor)
	told(check.Unique("t"), sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: map[string]*string{"no.such": text("1")}}, sarama.ErrInvalidConfig)
	check.That(errors.Is(adm.CreatePartitions(topic, 1, nil, false), sarama.ErrInvalidPartitions), "fewer partitions")
	check.That(errors.Is(adm.DeleteTopic(check.Unique("t")), sarama.ErrUnknownTopicOrPartition), "a topic that is not there")
}

func configs() {
	adm := admin()
	defer adm.Close()
	topic := createTopic(1)
	becomes := func(key, value string) {
		check.Until(key+" to become "+value, func() bool {
			for _, entry := range check.Must(adm.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{key}})) {
				if entry.Name == key {
					return entry.Value == value
				}
			}
			return false
		})
	}
	alter := func(key string, op sarama.IncrementalAlterConfigsOperation, value *string) error {
		return adm.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{key: {Operation: op, Value: value}}, false)
	}
	check.No(alter("retention.ms", sarama.IncrementalAlterConfigsOperationSet, text("1234567")))
	becomes("retention.ms", "1234567")
	check.No(adm.AlterConfig(sarama.TopicResource, topic, map[string]*string{"segment.ms": text("7777777")}, false))
	becomes("segment.ms", "7777777")
	becomes("retention.ms", "604800000")
	check.No(alter("segment.ms", sarama.IncrementalAlterConfigsOperationDelete, nil))
	becomes("segment.ms", "604800000")
	check.That(alter("retention.ms", sarama.IncrementalAlterConfigsOperationSet, text("soon")) != nil, "a bad value was taken")
	_, broker, err := adm.DescribeCluster()
	check.No(err)
	check.That(len(check.Must(adm.DescribeConfig(sarama.ConfigResource{Type: sarama.BrokerResource, Name: fmt.Sprint(broker)}))) > 20, "few configs of the broker")
}

func groupAdmin() {
	adm := admin()
	defer adm.Close()
	topic, group := createTopic(2), check.Unique("group")
	produce(numbered(topic, 0, 20, 2), config())
	one := join(topic, group, config())
	check.Until("20 records", func() bool { return len(one.read()) == 20 })
	described := check.Must(adm.DescribeConsumerGroups([]string{group}))[0]
	check.Equal(fmt.Sprintln(described.State, len(described.Members), described.Protocol), "Stable 1 range\n", "group")
	for _, m := range described.Members {
		check.Equal(check.Must(m.GetMemberAssignment()).Topics[topic], []int32{0, 1}, "assignment")
		check.Equal(check.Must(m.GetMemberMetadata()).Topics, []string{topic}, "subscription")
	}
	check.Equal(check.Must(adm.ListConsumerGroups())[group], "consumer", "listed")
	check.That(errors.Is(adm.DeleteConsumerGroup(group), sarama.ErrNonEmptyGroup), "a group with members was deleted")
	one.leave()
	moved := map[string]map[int32]sarama.OffsetAndMetadata{topic: {0: {Offset: 3, LeaderEpoch: -1, Metadata: "moved, größe"}}}
	_ = check.Must(adm.AlterConsumerGroupOffsets(group, moved, nil))
	offset := func() *sarama.OffsetFetchResponseBlock {
		return check.Must(adm.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0}})).GetBlock(topic, 0)
	}
	check.Equal(fmt.Sprintln(offset().Offset, offset().Metadata), "3 moved, größe\n", "offset")
	check.No(adm.DeleteConsumerGroupOffset(group, topic, 0))
	check.Equal(offset().Offset, -1, "deleted offset")
	check.No(adm.DeleteConsumerGroup(group))
	_, there := check.Must(adm.ListConsumerGroups())[group]
	check.That(!there, "the deleted group is still there")
	// A static member that is gone for good is removed by its name.
	c := config()
	c.Consumer.Group.InstanceId = "static"
	c.Consumer.Group.Session.Timeout = 60_000_000_000
	static := join(topic, group, c)
	check.Until("20 records", func() bool { return len(static.read()) == 20 })
	static.leave()
	removed := check.Must(adm.RemoveMemberFromConsumerGroup(group, []string{"static"}))
	check.Equal(fmt.Sprintln(removed.Err, removed.Members[0].Err), fmt.Sprintln(sarama.ErrNoError, sarama.ErrNoError), "removal")
	check.Equal(check.Must(adm.DescribeConsumerGroups([]string{group}))[0].State, "Empty", "state")
}

func deletedRecords() {
	adm := admin()
	defer adm.Close()
	topic := createTopic(1)
	produce(numbered(topic, 0, 20, 1), config())
	check.No(adm.DeleteRecords(topic, map[int32]int64{0: 12}))
	offsets := func(time int64) int64 {
		listed := check.Must(adm.ListOffsets(map[string]map[int32]int64{topic: {0: time}}, nil))[topic][0]
		check.Equal(listed.Err, error(sarama.ErrNoError), "listing")
		return listed.Offset
	}
	check.Equal([]int64{offsets(sarama.OffsetOldest), offsets(sarama.OffsetNewest)}, []int64{12, 20}, "offsets")
	check.Equal(values(read(topic, 0, sarama.OffsetOldest, 8, config()))[0], "12", "the first record")
	check.That(adm.DeleteRecords(topic, map[int32]int64{0: 21}) != nil, "records beyond the end were deleted")
}

func cluster() {
	adm := admin()
	defer adm.Close()
	nodes, controller, err := adm.DescribeCluster()
	check.No(err)
	check.That(len(nodes) == 1 && nodes[0].ID() == controller, "%d brokers, controller %d", len(nodes), controller)
	topic := createTopic(2)
	produce(numbered(topic, 0, 10, 2), config())
	size := int64(0)
	for _, dirs := range check.Must(adm.DescribeLogDirs([]int32{controller})) {
		for _, dir := range dirs {
			for _, described := range dir.Topics {
				for _, partition := range described.Partitions {
					if described.Topic == topic {
						size += partition.Size
					}
				}
			}
		}
	}
	check.That(size > 100, "size %d", size)
	elected := check.Must(adm.ElectLeaders(sarama.PreferredElection, map[string][]int32{topic: {0}}))
	check.Equal(elected[topic][0].ErrorCode, sarama.ErrElectionNotNeeded, "election")
	check.Equal(len(check.Must(adm.ListPartitionReassignments(topic, []int32{0}))[topic]), 0, "reassignments")
}

func quotas() {
	adm := admin()
	defer adm.Close()
	name := check.Unique("client")
	entity := []sarama.QuotaEntityComponent{{EntityType: sarama.QuotaEntityClientID, MatchType: sarama.QuotaMatchExact, Name: name}}
	look := func() []sarama.DescribeClientQuotasEntry {
		return check.Must(adm.DescribeClientQuotas([]sarama.QuotaFilterComponent{{EntityType: sarama.QuotaEntityClientID, MatchType: sarama.QuotaMatchExact, Match: name}}, true))
	}
	check.No(adm.AlterClientQuotas(entity, sarama.ClientQuotasOp{Key: "producer_byte_rate", Value: 12345}, false))
	check.Until("the quota", func() bool { got := look(); return len(got) == 1 && got[0].Values["producer_byte_rate"] == 12345 })
	check.No(adm.AlterClientQuotas(entity, sarama.ClientQuotasOp{Key: "producer_byte_rate", Remove: true}, false))
	check.Until("no quota", func() bool { return len(look()) == 0 })
}
