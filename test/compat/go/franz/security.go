package main

import (
	"errors"
	"time"

	"elytra/compat/check"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

var mechanisms = map[string]func(check.User) sasl.Mechanism{
	"PLAIN": func(user check.User) sasl.Mechanism {
		return plain.Auth{User: user.Name, Pass: user.Password}.AsMechanism()
	},
	"SCRAM-SHA-256": func(user check.User) sasl.Mechanism {
		return scram.Auth{User: user.Name, Pass: user.Password}.AsSha256Mechanism()
	},
	"SCRAM-SHA-512": func(user check.User) sasl.Mechanism {
		return scram.Auth{User: user.Name, Pass: user.Password}.AsSha512Mechanism()
	},
}

func securityChecks(peer *check.Secured) []check.Check {
	var checks []check.Check
	for _, name := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		mechanism := mechanisms[name]
		for _, transport := range []string{"SASL_PLAINTEXT", "SASL_SSL"} {
			opts := []kgo.Opt{kgo.SeedBrokers(peer.Sasl)}
			if transport == "SASL_SSL" {
				opts = []kgo.Opt{kgo.SeedBrokers(peer.Tls), kgo.DialTLSConfig(peer.TLS(false))}
			}
			checks = append(checks, check.Check{Name: transport + " by " + name + ", and not with a wrong password", Run: func() {
				ping := func(user check.User) error {
					cl := check.Must(kgo.NewClient(append(opts, kgo.SASL(mechanism(user)), kgo.RequestRetries(0), kgo.RetryTimeout(5*time.Second))...))
					defer cl.Close()
					return cl.Ping(background())
				}
				check.No(ping(peer.Root))
				check.That(ping(check.User{Name: peer.Root.Name, Password: "wrong"}) != nil, "a wrong password was taken")
				check.That(ping(check.User{Name: "nobody", Password: peer.Root.Password}) != nil, "an unknown user was taken")
			}})
		}
	}
	return append(checks,
		check.Check{Name: "SSL: by a client certificate, as who it says", Run: func() { byCertificate(peer) }},
		check.Check{Name: "admin gives and takes rights: what bob may is what he was given", Run: func() { rights(peer) }},
		check.Check{Name: "admin makes a user who logs in, and none after it is deleted", Run: func() { scramUsers(peer) }},
	)
}

func as(peer *check.Secured, user check.User, opts ...kgo.Opt) *kgo.Client {
	return check.Must(kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(peer.Sasl), kgo.SASL(mechanisms["SCRAM-SHA-512"](user)), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.RequestRetries(2)}, opts...)...))
}

func byCertificate(peer *check.Secured) {
	root := kadm.NewClient(as(peer, peer.Root))
	defer root.Close()
	topic := check.Unique("franz")
	check.No(check.Must(root.CreateTopic(background(), 1, 1, nil, topic)).Err)
	give(root, kadm.NewACLs().Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpWrite).Allow("User:"+peer.CertificateOf).AllowHosts("*"))
	cl := check.Must(kgo.NewClient(kgo.SeedBrokers(peer.Tls), kgo.DialTLSConfig(peer.TLS(true)), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableIdempotentWrite()))
	defer cl.Close()
	check.No(cl.ProduceSync(background(), &kgo.Record{Topic: topic, Value: []byte("by certificate")}).FirstErr())
}

func rights(peer *check.Secured) {
	root := kadm.NewClient(as(peer, peer.Root))
	defer root.Close()
	topic := check.Unique("franz")
	check.No(check.Must(root.CreateTopic(background(), 1, 1, nil, topic)).Err)
	bob := as(peer, peer.Bob)
	defer bob.Close()
	write := func() error {
		return bob.ProduceSync(background(), &kgo.Record{Topic: topic, Value: []byte("of bob")}).FirstErr()
	}
	err := write()
	check.That(errors.Is(err, kerr.TopicAuthorizationFailed), "bob wrote without a right: %v", err)
	given := kadm.NewACLs().Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpWrite, kadm.OpDescribe).Allow("User:" + peer.Bob.Name).AllowHosts("*")
	give(root, given)
	count := 0
	for _, result := range check.Must(root.DescribeACLs(background(), given)) {
		check.No(result.Err)
		count += len(result.Described)
	}
	check.Equal(count, 2, "rights described")
	check.No(write())
	take(root, given)
	err = write()
	check.That(errors.Is(err, kerr.TopicAuthorizationFailed), "bob wrote after his right was taken: %v", err)
	// A right to names that begin so.
	prefixed := kadm.NewACLs().Topics(topic[:len(topic)-2]).ResourcePatternType(kadm.ACLPatternPrefixed).Operations(kadm.OpWrite).Allow("User:" + peer.Bob.Name).AllowHosts("*")
	give(root, prefixed)
	check.No(write())
	// And a denial, which goes first.
	denial := kadm.NewACLs().Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpWrite).Deny("User:" + peer.Bob.Name).DenyHosts("*")
	give(root, denial)
	err = write()
	check.That(errors.Is(err, kerr.TopicAuthorizationFailed), "bob wrote although it was denied: %v", err)
	take(root, denial)
	take(root, prefixed)
}

func give(adm *kadm.Client, rights *kadm.ACLBuilder) {
	for _, made := range check.Must(adm.CreateACLs(background(), rights)) {
		check.No(made.Err)
	}
}

func take(adm *kadm.Client, rights *kadm.ACLBuilder) {
	count := 0
	for _, result := range check.Must(adm.DeleteACLs(background(), rights)) {
		check.No(result.Err)
		count += len(result.Deleted)
	}
	check.That(count > 0, "no right was taken")
}

func scramUsers(peer *check.Secured) {
	root := kadm.NewClient(as(peer, peer.Root))
	defer root.Close()
	user := check.User{Name: check.Unique("user"), Password: "a password of its own"}
	check.No(check.Must(root.AlterUserSCRAMs(background(), nil, []kadm.UpsertSCRAM{{User: user.Name, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: user.Password}})).Error())
	described := check.Must(root.DescribeUserSCRAMs(background(), user.Name))[user.Name]
	check.No(described.Err)
	check.That(len(described.CredInfos) == 1 && described.CredInfos[0].Mechanism == kadm.ScramSha512, "credentials %v", described.CredInfos)
	ping := func() error {
		cl := as(peer, user, kgo.RequestRetries(0), kgo.RetryTimeout(5*time.Second))
		defer cl.Close()
		return cl.Ping(background())
	}
	check.No(ping())
	check.No(check.Must(root.AlterUserSCRAMs(background(), []kadm.DeleteSCRAM{{User: user.Name, Mechanism: kadm.ScramSha512}}, nil)).Error())
	check.That(ping() != nil, "a deleted user logged in")
}
