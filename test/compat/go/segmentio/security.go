package main

import (
	"crypto/pbkdf2"
	"crypto/sha512"
	"errors"
	"time"

	"elytra/compat/check"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

func mechanismOf(name string, user check.User) sasl.Mechanism {
	switch name {
	case "SCRAM-SHA-256":
		return check.Must(scram.Mechanism(scram.SHA256, user.Name, user.Password))
	case "SCRAM-SHA-512":
		return check.Must(scram.Mechanism(scram.SHA512, user.Name, user.Password))
	}
	return plain.Mechanism{Username: user.Name, Password: user.Password}
}

// as is a client of its own: a transport keeps what failed for a while.
func as(address string, transport *kafka.Transport) *kafka.Client {
	transport.MetadataTTL, transport.DialTimeout = 100*time.Millisecond, 5*time.Second
	return &kafka.Client{Addr: kafka.TCP(address), Transport: transport, Timeout: 10 * time.Second}
}

func securityChecks(peer *check.Secured) []check.Check {
	var checks []check.Check
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		for _, transport := range []string{"SASL_PLAINTEXT", "SASL_SSL"} {
			checks = append(checks, check.Check{Name: transport + " by " + mechanism + ", and not with a wrong password", Run: func() {
				connect := func(user check.User) error {
					address, how := peer.Sasl, &kafka.Transport{SASL: mechanismOf(mechanism, user)}
					dialer := &kafka.Dialer{SASLMechanism: how.SASL, Timeout: 10 * time.Second}
					if transport == "SASL_SSL" {
						address, how.TLS, dialer.TLS = peer.Tls, peer.TLS(false), peer.TLS(false)
					}
					conn, err := dialer.DialContext(background(), "tcp", address)
					if err != nil {
						return err
					}
					check.No(conn.Close())
					_, err = as(address, how).Metadata(background(), &kafka.MetadataRequest{})
					return err
				}
				check.No(connect(peer.Root))
				check.That(connect(check.User{Name: peer.Root.Name, Password: "wrong"}) != nil, "a wrong password was taken")
				check.That(connect(check.User{Name: "nobody", Password: peer.Root.Password}) != nil, "an unknown user was taken")
			}})
		}
	}
	return append(checks,
		check.Check{Name: "SSL: by a client certificate, as who it says", Run: func() { byCertificate(peer) }},
		check.Check{Name: "admin gives and takes rights: what bob may is what he was given", Run: func() { rights(peer) }},
		check.Check{Name: "admin makes a user who logs in, and none after it is deleted", Run: func() { scramUsers(peer) }},
	)
}

func rootOf(peer *check.Secured) *kafka.Client {
	return as(peer.Sasl, &kafka.Transport{SASL: mechanismOf("SCRAM-SHA-512", peer.Root)})
}

func topicOf(root *kafka.Client) string {
	topic := check.Unique("segmentio")
	check.No(check.Must(root.CreateTopics(background(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}}})).Errors[topic])
	return topic
}

func write(cl *kafka.Client, topic string) error {
	writer := &kafka.Writer{Addr: cl.Addr, Topic: topic, Transport: cl.Transport, MaxAttempts: 1, BatchTimeout: 5 * time.Millisecond, RequiredAcks: kafka.RequireAll}
	defer writer.Close()
	return writer.WriteMessages(background(), kafka.Message{Value: []byte("written")})
}

func give(root *kafka.Client, entries ...kafka.ACLEntry) {
	for _, err := range check.Must(root.CreateACLs(background(), &kafka.CreateACLsRequest{ACLs: entries})).Errors {
		check.No(err)
	}
}

func mayWrite(topic, name string) kafka.ACLEntry {
	return kafka.ACLEntry{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ResourcePatternType: kafka.PatternTypeLiteral, Principal: "User:" + name, Host: "*",
		Operation: kafka.ACLOperationTypeWrite, PermissionType: kafka.ACLPermissionTypeAllow}
}

func byCertificate(peer *check.Secured) {
	root := rootOf(peer)
	topic := topicOf(root)
	give(root, mayWrite(topic, peer.CertificateOf))
	check.No(write(as(peer.Tls, &kafka.Transport{TLS: peer.TLS(true)}), topic))
}

func rights(peer *check.Secured) {
	root := rootOf(peer)
	topic := topicOf(root)
	denied := func(when string) {
		err := write(as(peer.Sasl, &kafka.Transport{SASL: mechanismOf("PLAIN", peer.Bob)}), topic)
		var each kafka.WriteErrors
		if errors.As(err, &each) {
			err = each[0]
		}
		// What may not be described, this client calls unknown.
		check.That(errors.Is(err, kafka.TopicAuthorizationFailed) || errors.Is(err, kafka.UnknownTopicOrPartition), "bob wrote %s: %v", when, err)
	}
	denied("without a right")
	may := mayWrite(topic, peer.Bob.Name)
	prefixed, mayNot := may, may
	prefixed.ResourceName, prefixed.ResourcePatternType = topic[:len(topic)-2], kafka.PatternTypePrefixed
	mayNot.PermissionType = kafka.ACLPermissionTypeDeny
	give(root, may, prefixed)
	check.No(write(as(peer.Sasl, &kafka.Transport{SASL: mechanismOf("PLAIN", peer.Bob)}), topic))
	described := check.Must(root.DescribeACLs(background(), &kafka.DescribeACLsRequest{Filter: kafka.ACLFilter{ResourceTypeFilter: kafka.ResourceTypeTopic, ResourceNameFilter: topic, ResourcePatternTypeFilter: kafka.PatternTypeMatch,
		Operation: kafka.ACLOperationTypeAny, PermissionType: kafka.ACLPermissionTypeAny}}))
	check.No(described.Error)
	check.Equal(len(described.Resources), 2, "rights that match the topic")
	give(root, mayNot)
	denied("although it was denied")
	deleted := check.Must(root.DeleteACLs(background(), &kafka.DeleteACLsRequest{Filters: []kafka.DeleteACLsFilter{{ResourceTypeFilter: kafka.ResourceTypeTopic, ResourceNameFilter: topic, ResourcePatternTypeFilter: kafka.PatternTypeMatch,
		Operation: kafka.ACLOperationTypeAny, PermissionType: kafka.ACLPermissionTypeAny}}})).Results[0]
	check.No(deleted.Error)
	check.Equal(len(deleted.MatchingACLs), 3, "rights taken")
	denied("after his right was taken")
}

func scramUsers(peer *check.Secured) {
	root := rootOf(peer)
	user := check.User{Name: check.Unique("user"), Password: "a password of its own"}
	salt := []byte("salt of the earth")
	salted := check.Must(pbkdf2.Key(sha512.New, user.Password, salt, 4096, sha512.Size))
	check.No(check.Must(root.AlterUserScramCredentials(background(), &kafka.AlterUserScramCredentialsRequest{Upsertions: []kafka.UserScramCredentialsUpsertion{{Name: user.Name, Mechanism: kafka.ScramMechanismSha512, Iterations: 4096, Salt: salt, SaltedPassword: salted}}})).Results[0].Error)
	described := check.Must(root.DescribeUserScramCredentials(background(), &kafka.DescribeUserScramCredentialsRequest{Users: []kafka.UserScramCredentialsUser{{Name: user.Name}}})).Results[0]
	check.No(described.Error)
	check.That(len(described.CredentialInfos) == 1 && described.CredentialInfos[0].Iterations == 4096, "credentials %+v", described)
	connect := func() error {
		_, err := as(peer.Sasl, &kafka.Transport{SASL: mechanismOf("SCRAM-SHA-512", user)}).Metadata(background(), &kafka.MetadataRequest{})
		return err
	}
	check.No(connect())
	check.No(check.Must(root.AlterUserScramCredentials(background(), &kafka.AlterUserScramCredentialsRequest{Deletions: []kafka.UserScramCredentialsDeletion{{Name: user.Name, Mechanism: kafka.ScramMechanismSha512}}})).Results[0].Error)
	check.That(connect() != nil, "a deleted user logged in")
}
