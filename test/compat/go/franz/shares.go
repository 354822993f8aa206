package main

import (
	"context"
	"fmt"
	"time"

	"elytra/compat/check"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func shareChecks() []check.Check {
	return []check.Check{
		{Name: "a share group gives each record to one of its members", Run: sharedOnce},
		{Name: "a record that is released comes again, one that is rejected does not", Run: releasedAndRejected},
		{Name: "admin describes a share group and its offsets", Run: describedShares},
	}
}

func shareClient(topic, group string, opts ...kgo.Opt) *kgo.Client {
	return client(append([]kgo.Opt{kgo.ShareGroup(group), kgo.ConsumeTopics(topic)}, opts...)...)
}

func shareGroup() string {
	adm := admin()
	defer adm.Close()
	group := check.Unique("share")
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeGroupConfig, group
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value = "share.auto.offset.reset", kmsg.StringPtr("earliest")
	resource.Configs = append(resource.Configs, config)
	request.Resources = append(request.Resources, resource)
	cl := client()
	defer cl.Close()
	check.Equal(check.Must(request.RequestWith(background(), cl)).Resources[0].ErrorCode, 0, "share.auto.offset.reset")
	return group
}

func sharedOnce() {
	topic, group := createTopic(2), shareGroup()
	members := []*kgo.Client{shareClient(topic, group, kgo.ShareMaxRecords(10)), shareClient(topic, group, kgo.ShareMaxRecords(10))}
	seen := map[string]int{}
	counts := make([]int, len(members))
	produce(numbered(topic, 0, 300, 2), kgo.ProducerBatchMaxBytes(1024))
	check.Until("300 records", func() bool {
		for n, cl := range members {
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			for _, record := range cl.PollRecords(ctx, 10).Records() {
				seen[string(record.Value)]++
				counts[n]++
				record.Ack(kgo.AckAccept)
			}
			cancel()
		}
		return len(seen) == 300
	})
	for _, cl := range members {
		check.No(cl.FlushAcks(background()))
		cl.Close()
	}
	for value, count := range seen {
		check.Equal(count, 1, "times that "+value+" came")
	}
	check.That(counts[0] > 0 && counts[1] > 0, "both got some: %v", counts)
}

func releasedAndRejected() {
	topic, group := createTopic(1), shareGroup()
	produce(numbered(topic, 0, 3, 1))
	cl := shareClient(topic, group)
	defer cl.Close()
	times := map[string][]int32{}
	check.Until("the released one again", func() bool {
		for _, record := range poll(cl) {
			value := string(record.Value)
			times[value] = append(times[value], record.DeliveryCount())
			switch {
			case value == "0":
				record.Ack(kgo.AckReject)
			case value == "1" && len(times[value]) == 1:
				record.Ack(kgo.AckRelease)
			default:
				record.Ack(kgo.AckAccept)
			}
		}
		return len(times["1"]) == 2
	})
	check.No(cl.FlushAcks(background()))
	check.Equal(fmt.Sprint(times), "map[0:[1] 1:[1 2] 2:[1]]", "delivery counts")
}

func describedShares() {
	topic, group := createTopic(1), shareGroup()
	produce(numbered(topic, 0, 5, 1))
	cl := shareClient(topic, group)
	defer cl.Close()
	pollUntil(cl, 5)
	cl.MarkAcks(kgo.AckAccept)
	check.No(cl.FlushAcks(background()))
	adm := admin()
	defer adm.Close()
	described := check.Must(adm.DescribeShareGroups(background(), group))[group]
	check.No(described.Err)
	check.Equal(len(described.Members), 1, "members")
	check.Until("the lag to be zero", func() bool {
		offset, found := check.Must(adm.DescribeShareGroupOffsets(background(), group))[group].Offsets[topic][0]
		return found && offset.Err == nil && offset.Lag == 0
	})
	listed := check.Must(adm.ListGroupsByType(background(), []string{"share"}))
	check.That(listed[group].Group == group, "%s is not among %v", group, listed.Groups())
}
