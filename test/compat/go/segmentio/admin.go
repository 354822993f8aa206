package main

import (
	"errors"
	"fmt"

	"elytra/compat/check"
	"github.com/segmentio/kafka-go"
)

func adminChecks() []check.Check {
	return []check.Check{
		{Name: "admin makes, describes, widens and deletes a topic", Run: topicLife},
		{Name: "admin is refused with Kafka's codes", Run: refused},
		{Name: "admin reads and changes configs of topics", Run: configs},
		{Name: "admin lists, describes, moves and deletes groups and their offsets", Run: groupAdmin},
		{Name: "admin sees the cluster, its versions and elections", Run: cluster},
		{Name: "admin sets and reads quotas", Run: quotas},
	}
}

func topicLife() {
	topic := check.Unique("segmentio")
	request := &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: 3, ReplicationFactor: 1, ConfigEntries: []kafka.ConfigEntry{{ConfigName: "retention.ms", ConfigValue: "3600000"}}}}}
	check.No(check.Must(client().CreateTopics(background(), request)).Errors[topic])
	check.No(check.Must(client().CreatePartitions(background(), &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: 5}}})).Errors[topic])
	described := func() kafka.Topic {
		return check.Must(client().Metadata(background(), &kafka.MetadataRequest{Topics: []string{topic}})).Topics[0]
	}
	check.Until("five partitions", func() bool { return len(described().Partitions) == 5 })
	becomes(topic, "retention.ms", "3600000")
	check.No(check.Must(client().DeleteTopics(background(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})).Errors[topic])
	check.Until("the topic to be gone", func() bool { return errors.Is(described().Error, kafka.UnknownTopicOrPartition) })
}

func refused() {
	existing := createTopic(1)
	told := func(config kafka.TopicConfig, wanted kafka.Error) {
		err := check.Must(client().CreateTopics(background(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{config}})).Errors[config.Topic]
		check.That(errors.Is(err, wanted), "%s: %v instead of %v", config.Topic, err, wanted)
	}
	told(kafka.TopicConfig{Topic: existing, NumPartitions: 1, ReplicationFactor: 1}, kafka.TopicAlreadyExists)
	told(kafka.TopicConfig{Topic: "a b", NumPartitions: 1, ReplicationFactor: 1}, kafka.InvalidTopic)
	told(kafka.TopicConfig{Topic: check.Unique("t"), NumPartitions: 1, ReplicationFactor: 3}, kafka.InvalidReplicationFactor)
	told(kafka.TopicConfig{Topic: check.Unique("t"), NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: []kafka.ConfigEntry{{ConfigName: "no.such", ConfigValue: "1"}}}, kafka.InvalidConfiguration)
	gone := check.Unique("t")
	err := check.Must(client().DeleteTopics(background(), &kafka.DeleteTopicsRequest{Topics: []string{gone}})).Errors[gone]
	check.That(errors.Is(err, kafka.UnknownTopicOrPartition), "a topic that is not there: %v", err)
}

func becomes(topic, key, value string) {
	check.Until(key+" to become "+value, func() bool {
		told := check.Must(client().DescribeConfigs(background(), &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{key}}}, IncludeSynonyms: true})).Resources[0]
		check.No(told.Error)
		return len(told.ConfigEntries) == 1 && told.ConfigEntries[0].ConfigValue == value
	})
}

func configs() {
	topic := createTopic(1)
	alter := func(key, value string, op kafka.ConfigOperation) error {
		return check.Must(client().IncrementalAlterConfigs(background(), &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: key, Value: value, ConfigOperation: op}}}}})).Resources[0].Error
	}
	check.No(alter("retention.ms", "1234567", kafka.ConfigOperationSet))
	becomes(topic, "retention.ms", "1234567")
	check.No(alter("retention.ms", "", kafka.ConfigOperationDelete))
	becomes(topic, "retention.ms", "604800000")
	check.That(errors.Is(alter("retention.ms", "soon", kafka.ConfigOperationSet), kafka.InvalidConfiguration), "a bad value was taken")
	told := check.Must(client().AlterConfigs(background(), &kafka.AlterConfigsRequest{Resources: []kafka.AlterConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, Configs: []kafka.AlterConfigRequestConfig{{Name: "segment.ms", Value: "7777777"}}}}}))
	for _, err := range told.Errors {
		check.No(err)
	}
	becomes(topic, "segment.ms", "7777777")
}

func groupAdmin() {
	topic, group := createTopic(2), check.Unique("group")
	produce(topic, numbered(0, 20, 2))
	one := join(topic, group, kafka.RangeGroupBalancer{})
	check.Until("20 records", func() bool { return len(one.read()) == 20 })
	balanced(group, topic, 1, 2)
	listed := func() bool {
		for _, found := range check.Must(client().ListGroups(background(), &kafka.ListGroupsRequest{})).Groups {
			if found.GroupID == group {
				return true
			}
		}
		return false
	}
	check.That(listed(), "the group is not listed")
	remove := func() error {
		return check.Must(client().DeleteGroups(background(), &kafka.DeleteGroupsRequest{GroupIDs: []string{group}})).Errors[group]
	}
	check.That(errors.Is(remove(), kafka.NonEmptyGroup), "a group with members was deleted")
	one.leave()
	moved := check.Must(client().OffsetCommit(background(), &kafka.OffsetCommitRequest{GroupID: group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: 0, Offset: 3, Metadata: "moved, größe"}}}}))
	check.No(moved.Topics[topic][0].Error)
	fetched := check.Must(client().OffsetFetch(background(), &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {0}}})).Topics[topic][0]
	check.Equal(fmt.Sprintln(fetched.CommittedOffset, fetched.Metadata), "3 moved, größe\n", "offset")
	deleted := check.Must(client().OffsetDelete(background(), &kafka.OffsetDeleteRequest{GroupID: group, Topics: map[string][]int{topic: {0}}}))
	check.No(deleted.Error)
	check.No(deleted.Topics[topic][0].Error)
	check.Equal(committed(group, topic, 0), -1, "deleted offset")
	check.No(remove())
	check.That(!listed(), "the deleted group is still there")
}

func cluster() {
	topic := createTopic(2)
	metadata := check.Must(client().Metadata(background(), &kafka.MetadataRequest{Topics: []string{topic}}))
	check.That(len(metadata.Brokers) == 1 && metadata.Controller.ID == metadata.Brokers[0].ID && metadata.ClusterID != "", "cluster %+v", metadata)
	versions := check.Must(client().ApiVersions(background(), &kafka.ApiVersionsRequest{}))
	check.No(versions.Error)
	check.That(len(versions.ApiKeys) > 50, "%d keys", len(versions.ApiKeys))
	elected := check.Must(client().ElectLeaders(background(), &kafka.ElectLeadersRequest{Topic: topic, Partitions: []int{0}}))
	check.That(errors.Is(elected.PartitionResults[0].Error, kafka.ElectionNotNeeded), "election: %v", elected.PartitionResults[0].Error)
}

func quotas() {
	name := check.Unique("client")
	alter := func(op kafka.AlterClientQuotaOps) {
		told := check.Must(client().AlterClientQuotas(background(), &kafka.AlterClientQuotasRequest{Entries: []kafka.AlterClientQuotaEntry{{Entities: []kafka.AlterClientQuotaEntity{{EntityType: "client-id", EntityName: name}}, Ops: []kafka.AlterClientQuotaOps{op}}}}))
		check.No(told.Entries[0].Error)
	}
	look := func() []kafka.DescribeClientQuotasResponseQuotas {
		told := check.Must(client().DescribeClientQuotas(background(), &kafka.DescribeClientQuotasRequest{Components: []kafka.DescribeClientQuotasRequestComponent{{EntityType: "client-id", Match: name}}, Strict: true}))
		check.No(told.Error)
		return told.Entries
	}
	alter(kafka.AlterClientQuotaOps{Key: "producer_byte_rate", Value: 12345})
	check.Until("the quota", func() bool { got := look(); return len(got) == 1 && got[0].Values[0].Value == 12345 })
	alter(kafka.AlterClientQuotaOps{Key: "producer_byte_rate", Remove: true})
	check.Until("no quota", func() bool { return len(look()) == 0 })
}
