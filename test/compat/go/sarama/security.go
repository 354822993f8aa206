package main

import (
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"hash"
	"time"

	"elytra/compat/check"
	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

// conversation is what sarama leaves to its user: one SCRAM login.
type conversation struct {
	hash scram.HashGeneratorFcn
	*scram.ClientConversation
}

func (c *conversation) Begin(name, password, authzID string) error {
	client, err := c.hash.NewClient(name, password, authzID)
	if err == nil {
		c.ClientConversation = client.NewConversation()
	}
	return err
}

var hashes = map[string]func() hash.Hash{"SCRAM-SHA-256": sha256.New, "SCRAM-SHA-512": sha512.New}

func as(user check.User, mechanism string) *sarama.Config {
	c := config()
	c.Net.SASL.Enable, c.Net.SASL.User, c.Net.SASL.Password, c.Net.SASL.Mechanism = true, user.Name, user.Password, sarama.SASLMechanism(mechanism)
	c.Net.SASL.Version = sarama.SASLHandshakeV1
	if hash, scrams := hashes[mechanism]; scrams {
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{hash: scram.HashGeneratorFcn(hash)} }
	}
	c.Metadata.Retry.Max, c.Producer.Retry.Max = 1, 1
	c.Net.DialTimeout = 10 * time.Second
	return c
}

func securityChecks(peer *check.Secured) []check.Check {
	var checks []check.Check
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		for _, transport := range []string{"SASL_PLAINTEXT", "SASL_SSL"} {
			checks = append(checks, check.Check{Name: transport + " by " + mechanism + ", and not with a wrong password", Run: func() {
				connect := func(user check.User) error {
					c, address := as(user, mechanism), peer.Sasl
					if transport == "SASL_SSL" {
						c.Net.TLS.Enable, c.Net.TLS.Config, address = true, peer.TLS(false), peer.Tls
					}
					client, err := sarama.NewClient([]string{address}, c)
					if err == nil {
						check.No(client.Close())
					}
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

func rootAdmin(peer *check.Secured) sarama.ClusterAdmin {
	return check.Must(sarama.NewClusterAdmin([]string{peer.Sasl}, as(peer.Root, "SCRAM-SHA-512")))
}

func write(topic, address string, c *sarama.Config) error {
	producer := check.Must(sarama.NewSyncProducer([]string{address}, c))
	defer producer.Close()
	_, _, err := producer.SendMessage(message(topic, 0, "written"))
	return err
}

func byCertificate(peer *check.Secured) {
	root := rootAdmin(peer)
	defer root.Close()
	topic := check.Unique("sarama")
	check.No(root.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	check.No(root.CreateACL(sarama.Resource{ResourceType: sarama.AclResourceTopic, ResourceName: topic, ResourcePatternType: sarama.AclPatternLiteral},
		sarama.Acl{Principal: "User:" + peer.CertificateOf, Host: "*", Operation: sarama.AclOperationWrite, PermissionType: sarama.AclPermissionAllow}))
	c := config()
	c.Net.TLS.Enable, c.Net.TLS.Config = true, peer.TLS(true)
	check.No(write(topic, peer.Tls, c))
}

func rights(peer *check.Secured) {
	root := rootAdmin(peer)
	defer root.Close()
	topic := check.Unique("sarama")
	check.No(root.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	denied := func(when string) {
		err := write(topic, peer.Sasl, as(peer.Bob, "PLAIN"))
		check.That(errors.Is(err, sarama.ErrTopicAuthorizationFailed), "bob wrote %s: %v", when, err)
	}
	denied("without a right")
	literal := sarama.Resource{ResourceType: sarama.AclResourceTopic, ResourceName: topic, ResourcePatternType: sarama.AclPatternLiteral}
	prefix := sarama.Resource{ResourceType: sarama.AclResourceTopic, ResourceName: topic[:len(topic)-2], ResourcePatternType: sarama.AclPatternPrefixed}
	may := sarama.Acl{Principal: "User:" + peer.Bob.Name, Host: "*", Operation: sarama.AclOperationWrite, PermissionType: sarama.AclPermissionAllow}
	mayNot := may
	mayNot.PermissionType = sarama.AclPermissionDeny
	check.No(root.CreateACLs([]*sarama.ResourceAcls{{Resource: literal, Acls: []*sarama.Acl{&may}}, {Resource: prefix, Acls: []*sarama.Acl{&may}}}))
	check.No(write(topic, peer.Sasl, as(peer.Bob, "PLAIN")))
	match := sarama.AclFilter{ResourceType: sarama.AclResourceTopic, ResourceName: &topic, ResourcePatternTypeFilter: sarama.AclPatternMatch, Operation: sarama.AclOperationAny, PermissionType: sarama.AclPermissionAny}
	check.Equal(len(check.Must(root.ListAcls(match))), 2, "rights that match the topic")
	check.No(root.CreateACL(literal, mayNot))
	denied("although it was denied")
	deleted := check.Must(root.DeleteACL(match, false))
	check.Equal(len(deleted), 3, "rights taken")
	denied("after his right was taken")
}

func scramUsers(peer *check.Secured) {
	root := rootAdmin(peer)
	defer root.Close()
	user := check.User{Name: check.Unique("user"), Password: "a password of its own"}
	made := check.Must(root.UpsertUserScramCredentials([]sarama.AlterUserScramCredentialsUpsert{{Name: user.Name, Mechanism: sarama.SCRAM_MECHANISM_SHA_256, Iterations: 4096, Salt: []byte("salt of the earth"), Password: []byte(user.Password)}}))
	check.Equal(made[0].ErrorCode, sarama.ErrNoError, "made")
	described := check.Must(root.DescribeUserScramCredentials([]string{user.Name}))[0]
	check.That(len(described.CredentialInfos) == 1 && described.CredentialInfos[0].Mechanism == sarama.SCRAM_MECHANISM_SHA_256, "credentials %+v", described)
	connect := func() error {
		client, err := sarama.NewClient([]string{peer.Sasl}, as(user, "SCRAM-SHA-256"))
		if err == nil {
			check.No(client.Close())
		}
		return err
	}
	check.No(connect())
	deleted := check.Must(root.DeleteUserScramCredentials([]sarama.AlterUserScramCredentialsDelete{{Name: user.Name, Mechanism: sarama.SCRAM_MECHANISM_SHA_256}}))
	check.Equal(deleted[0].ErrorCode, sarama.ErrNoError, "deleted")
	check.That(connect() != nil, "a deleted user logged in")
}
