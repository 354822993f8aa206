package main

import (
	"errors"
	"fmt"

	"elytra/compat/check"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func adminChecks() []check.Check {
	return []check.Check{
		{Name: "admin makes, describes, widens and deletes a topic", Run: topicLife},
		{Name: "admin is refused with Kafka's codes", Run: refused},
		{Name: "admin reads and changes configs of topics, groups and the broker", Run: configs},
		{Name: "admin lists, describes, moves and deletes groups and their offsets", Run: groupAdmin},
		{Name: "admin deletes records, and lists offsets by time and from the start", Run: deletedRecords},
		{Name: "admin sees the cluster, its versions, log directories, elections and reassignments", Run: cluster},
		{Name: "admin sets and reads quotas", Run: quotas},
	}
}

func text(value string) *string { return &value }

func topicLife() {
	adm := admin()
	defer adm.Close()
	topic := check.Unique("franz")
	check.No(check.Must(adm.ValidateCreateTopics(background(), 3, 1, nil, topic)).Error())
	made := check.Must(adm.CreateTopic(background(), 3, 1, map[string]*string{"retention.ms": text("3600000")}, topic))
	check.No(made.Err)
	check.Equal(made.NumPartitions, 3, "partitions")
	check.No(check.Must(adm.CreatePartitions(background(), 2, topic)).Error())
	details := check.Must(adm.ListTopics(background(), topic))[topic]
	check.No(details.Err)
	check.Equal(len(details.Partitions), 5, "partitions")
	check.Equal(details.ID, made.ID, "id")
	check.No(check.Must(adm.DeleteTopics(background(), topic)).Error())
	check.Until("the topic to be gone", func() bool { return !check.Must(adm.ListTopics(background())).Has(topic) })
}

func refused() {
	adm := admin()
	defer adm.Close()
	topic := createTopic(1)
	told := func(partitions int32, replicas int16, configs map[string]*string, name string) error {
		response, _ := adm.CreateTopic(background(), partitions, replicas, configs, name)
		return response.Err
	}
	check.Equal(told(1, 1, nil, topic), error(kerr.TopicAlreadyExists), "a topic that exists")
	check.Equal(told(1, 1, nil, "a b"), error(kerr.InvalidTopicException), "a bad name")
	check.Equal(told(1, 3, nil, check.Unique("t")), error(kerr.InvalidReplicationFactor), "three replicas")
	check.Equal(told(0, 1, nil, check.Unique("t")), error(kerr.InvalidPartitions), "no partitions")
	check.Equal(told(1, 1, map[string]*string{"no.such": text("1")}, check.Unique("t")), error(kerr.InvalidConfig), "an unknown config")
	check.Equal(check.Must(adm.UpdatePartitions(background(), 1, topic))[topic].Err, error(kerr.InvalidPartitions), "no more partitions")
	gone, _ := adm.DeleteTopic(background(), check.Unique("t"))
	check.Equal(gone.Err, error(kerr.UnknownTopicOrPartition), "a topic that is not there")
}

func configs() {
	adm := admin()
	defer adm.Close()
	topic := createTopic(1)
	look := func(key string) *kadm.Config {
		described := check.Must(check.Must(adm.DescribeTopicConfigs(background(), topic)).On(topic, nil))
		check.No(described.Err)
		for _, config := range described.Configs {
			if config.Key == key {
				return &config
			}
		}
		panic("no config " + key)
	}
	// A real Kafka shows a change some time after it confirmed it.
	becomes := func(key, value string) {
		check.Until(key+" to become "+value, func() bool { return look(key).MaybeValue() == value })
	}
	alter := func(op kadm.IncrementalOp, name string, value *string) error {
		told := check.Must(check.Must(adm.AlterTopicConfigs(background(), []kadm.AlterConfig{{Op: op, Name: name, Value: value}}, topic)).On(topic, nil))
		if told.Err != nil {
			return fmt.Errorf("%s: %s: %w", name, told.ErrMessage, told.Err)
		}
		return nil
	}
	check.No(alter(kadm.SetConfig, "retention.ms", text("1234567")))
	becomes("retention.ms", "1234567")
	check.Equal(look("retention.ms").Source.String(), "DYNAMIC_TOPIC_CONFIG", "its source")
	check.No(alter(kadm.AppendConfig, "cleanup.policy", text("compact")))
	becomes("cleanup.policy", "delete,compact")
	check.No(alter(kadm.SubtractConfig, "cleanup.policy", text("delete")))
	becomes("cleanup.policy", "compact")
	check.No(alter(kadm.DeleteConfig, "retention.ms", nil))
	becomes("retention.ms", "604800000")
	err := alter(kadm.SetConfig, "retention.ms", text("soon"))
	check.That(errors.Is(err, kerr.InvalidConfig), "a bad value was answered with %v", err)
	check.No(check.Must(check.Must(adm.AlterTopicConfigsState(background(), []kadm.AlterConfig{{Name: "segment.ms", Value: text("7777777")}}, topic)).On(topic, nil)).Err)
	becomes("segment.ms", "7777777")
	becomes("cleanup.policy", "delete")
	brokers := check.Must(adm.DescribeBrokerConfigs(background(), check.Must(adm.BrokerMetadata(background())).Controller))
	check.That(len(brokers) > 0 && len(brokers[0].Configs) > 20, "the broker tells %d configs", len(brokers))
}

func groupAdmin() {
	adm := admin()
	defer adm.Close()
	topic, group := createTopic(2), check.Unique("group")
	produce(numbered(topic, 0, 20, 2))
	one := join(topic, group)
	check.Until("20 records", func() bool { return len(one.read()) == 20 })
	described := check.Must(adm.DescribeGroups(background(), group))[group]
	check.No(described.Err)
	check.Equal(fmt.Sprintln(described.State, len(described.Members), described.ProtocolType), "Stable 1 consumer\n", "group")
	check.Equal(check.Must(adm.ListGroups(background(), "Stable"))[group].State, "Stable", "listed state")
	busy, _ := adm.DeleteGroup(background(), group)
	check.Equal(busy.Err, error(kerr.NonEmptyGroup), "deleting a group with members")
	one.leave()
	check.Equal(check.Must(adm.ListGroups(background(), "Empty"))[group].State, "Empty", "listed state")
	var moved kadm.Offsets
	moved.Add(kadm.Offset{Topic: topic, Partition: 0, At: 3, LeaderEpoch: -1, Metadata: "moved, größe"})
	check.No(adm.CommitAllOffsets(background(), group, moved))
	offset, _ := check.Must(adm.FetchOffsets(background(), group)).Lookup(topic, 0)
	check.Equal(fmt.Sprintln(offset.At, offset.Metadata), "3 moved, größe\n", "offset")
	var set kadm.TopicsSet
	set.Add(topic, 0)
	check.No(check.Must(adm.DeleteOffsets(background(), group, set)).Error())
	_, found := check.Must(adm.FetchOffsets(background(), group)).Lookup(topic, 0)
	check.That(!found, "the deleted offset is still there")
	gone := check.Must(adm.DeleteGroup(background(), group))
	check.No(gone.Err)
	_, found = check.Must(adm.ListGroups(background()))[group]
	check.That(!found, "the deleted group is still there")
}

func deletedRecords() {
	adm := admin()
	defer adm.Close()
	topic := createTopic(1)
	sent := numbered(topic, 0, 20, 1)
	produce(sent)
	var upTo kadm.Offsets
	upTo.Add(kadm.Offset{Topic: topic, Partition: 0, At: 12})
	response, _ := check.Must(adm.DeleteRecords(background(), upTo)).Lookup(topic, 0)
	check.No(response.Err)
	check.Equal(response.LowWatermark, 12, "low watermark")
	at := func(listed kadm.ListedOffsets, err error) int64 {
		offset, _ := check.Must(listed, err).Lookup(topic, 0)
		check.No(offset.Err)
		return offset.Offset
	}
	check.Equal(at(adm.ListStartOffsets(background(), topic)), 12, "start")
	check.Equal(at(adm.ListEndOffsets(background(), topic)), 20, "end")
	check.Equal(at(adm.ListOffsetsAfterMilli(background(), sent[15].Timestamp.UnixMilli(), topic)) <= 15, true, "by time")
	check.Equal(values(read(topic, 8))[0], "12", "the first record")
}

func cluster() {
	adm := admin()
	defer adm.Close()
	metadata := check.Must(adm.BrokerMetadata(background()))
	check.That(metadata.Cluster != "" && len(metadata.Brokers) == 1 && metadata.Controller == metadata.Brokers[0].NodeID, "cluster %+v", metadata)
	versions := check.Must(adm.ApiVersions(background()))
	check.Equal(len(versions), 1, "brokers")
	topic := createTopic(2)
	produce(numbered(topic, 0, 10, 2))
	size := int64(0)
	for _, dirs := range check.Must(adm.DescribeAllLogDirs(background(), nil)) {
		dirs.EachPartition(func(partition kadm.DescribedLogDirPartition) {
			if partition.Topic == topic {
				size += partition.Size
			}
		})
	}
	check.That(size > 100, "size %d", size)
	var set kadm.TopicsSet
	set.Add(topic, 0)
	for _, elected := range check.Must(adm.ElectLeaders(background(), kadm.ElectPreferredReplica, set))[topic] {
		check.Equal(elected.Err, error(kerr.ElectionNotNeeded), "election")
	}
	check.Equal(len(check.Must(adm.ListPartitionReassignments(background(), set))), 0, "reassignments")
	epochs := check.Must(adm.Metadata(background(), topic)).Topics[topic].Partitions
	check.Equal(len(epochs), 2, "partitions")
}

func quotas() {
	adm := admin()
	defer adm.Close()
	name := check.Unique("client")
	entity := kadm.ClientQuotaEntity{{Type: "client-id", Name: &name}}
	alter := func(op kadm.AlterClientQuotaOp) {
		_ = check.Must(adm.AlterClientQuotas(background(), []kadm.AlterClientQuotaEntry{{Entity: entity, Ops: []kadm.AlterClientQuotaOp{op}}}))
	}
	look := func() kadm.DescribedClientQuotas {
		return check.Must(adm.DescribeClientQuotas(background(), true, []kadm.DescribeClientQuotaComponent{{Type: "client-id", MatchName: &name, MatchType: kadm.QuotasMatchType(0)}}))
	}
	alter(kadm.AlterClientQuotaOp{Key: "producer_byte_rate", Value: 12345})
	check.Until("the quota", func() bool {
		got := look()
		return len(got) == 1 && got[0].Values[0].Key == "producer_byte_rate" && got[0].Values[0].Value == 12345
	})
	alter(kadm.AlterClientQuotaOp{Key: "producer_byte_rate", Remove: true})
	check.Until("no quota", func() bool { return len(look()) == 0 })
}
