/**
 * Rights: a user with few of them asks a real Kafka 4.4.0 (StandardAuthorizer) and Elytra the same things, ACLs by ACLs; both
 * must allow, refuse and hide the same.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { missingTools } from '../../../scripts/real-kafka/install.ts'
import { type RealKafka, startRealKafka } from '../../../scripts/real-kafka/start.ts'
import { type Broker, startBroker } from '../../../src/index.ts'
import { aclOf, filterOf } from '../../broker/security/support/acls.ts'
import { stripped } from '../differential/question.ts'
import { tryLogins } from './login-scripts.ts'
import { askOddAcls } from './odd-acls.ts'
import { RightsPeer } from './rights-peer.ts'
import { RIGHTS_QUESTIONS, type RightsQuestion } from './rights-questions.ts'

/** What bob may; `*` behind a name makes it a prefix. */
const SCENARIOS: readonly (readonly string[])[] = [
  [],
  ['allow User:bob read topic orders'],
  ['allow User:bob write topic orders'],
  ['allow User:bob describe topic ord*'],
  ['allow User:* all topic orders', 'deny User:bob read topic *'],
  ['allow User:bob all topic *', 'deny User:bob describe topic ord*'],
  ['allow User:bob read topic orders from 127.0.0.1', 'deny User:bob describe topic orders from 10.9.9.9'],
  ['allow User:bob read topic orders from 10.9.9.9'],
  ['allow User:bob create topic new*', 'allow User:bob describe topic new*'],
  ['allow User:bob create cluster kafka-cluster', 'allow User:bob describe topic *'],
  ['allow User:bob create topic new*', 'allow User:bob describe-configs topic new*'],
  ['allow User:bob delete topic gone*'],
  ['allow User:bob describe topic gone*'],
  ['allow User:bob delete cluster kafka-cluster'],
  ['allow User:bob alter topic orders'],
  ['allow User:bob alter-configs topic orders'],
  ['allow User:bob describe-configs topic orders'],
  ['allow User:bob describe-configs cluster kafka-cluster'],
  ['allow User:bob alter-configs cluster kafka-cluster'],
  ['allow User:bob describe cluster kafka-cluster'],
  ['allow User:bob alter cluster kafka-cluster'],
  ['allow User:bob all cluster kafka-cluster', 'deny User:* alter cluster kafka-cluster'],
  ['allow User:bob idempotent-write cluster kafka-cluster'],
  ['allow User:bob read group g'],
  ['allow User:bob describe group g*', 'allow User:bob describe topic orders'],
  ['allow User:bob delete group *'],
  ['allow User:bob read group g', 'allow User:bob read topic orders', 'deny User:bob read topic secret'],
  ['allow User:bob all group *', 'allow User:bob all topic *', 'allow User:bob all cluster kafka-cluster'],
  ['allow User:bob create-tokens user User:carol', 'allow User:bob describe-tokens user User:admin'],
  ['allow User:bob describe delegation-token *', 'deny User:bob create-tokens user *'],
  ['allow User:bob describe transactional-id t*'],
  ['allow User:bob write transactional-id t', 'allow User:bob write topic orders'],
  ['allow User:bob all transactional-id t*', 'allow User:bob all topic *', 'allow User:bob read group g', 'deny User:bob read topic secret'],
  ['allow User:bob write transactional-id *', 'allow User:bob write topic *', 'deny User:bob describe transactional-id *'],
  ['allow User:bob all topic *', 'allow User:bob all group *', 'deny User:bob write topic secret', 'deny User:bob delete topic *'],
]

/** Where Elytra does what rule 6 asks for ("anything else closes"; "33 with the mechanism list, then close"), and Kafka something else. */
const OTHERWISE: Readonly<Record<string, string>> = {
  'a request amid the login': 'Kafka answers with an error of that API, then closes; here it closes at once',
  're-authentication by a mechanism that nobody offers': 'Kafka closes; here it is told which mechanisms there are, as at the first login',
}

/** Long enough for everything here, short enough to be told. */
const REAUTH_MS = 3_600_000

const missing = await missingTools()

describe('rights', { skip: missing.length > 0 ? `${missing.join(' and ')} not found` : false }, () => {
  let real: RealKafka
  let broker: Broker
  let kafka: RightsPeer
  let elytra: RightsPeer

  before(async () => {
    real = await startRealKafka({ properties: kafkaProperties() })
    broker = await startBroker({ settings: { 'num.partitions': 1, 'connections.max.reauth.ms': REAUTH_MS } })
    kafka = await RightsPeer.open(real.bootstrap, 'kafka')
    elytra = await RightsPeer.open(broker.kafka, 'elytra')
  })
  after(async () => {
    await kafka?.close()
    await elytra?.close()
    await broker?.close()
    await real?.stop()
  })

  test('logins and re-authentications, also those that no client library would try', { timeout: 60_000 }, async () => {
    const lines = (heard: Awaited<ReturnType<typeof tryLogins>>) => Object.entries(heard).map(([name, said]) => `${name}: ${JSON.stringify(said)}`)
    const [ours, theirs] = [await tryLogins(broker.kafka), await tryLogins(real.bootstrap)]
    for (const name of Object.keys(OTHERWISE)) {
      assert.notDeepEqual(ours[name], theirs[name], `no difference any more: ${name}`)
      delete ours[name]
      delete theirs[name]
    }
    assert.deepEqual(lines(ours), lines(theirs))
  })

  test('ACLs and filters of numbers, names and hosts that mean nothing', { timeout: 60_000 }, async () => {
    const [theirs, ours] = [await askOddAcls(kafka), await askOddAcls(elytra)]
    assert.ok(theirs.length > 100)
    assert.deepEqual(ours, theirs)
  })

  for (const [index, acls] of SCENARIOS.entries()) {
    test(acls.length === 0 ? 'no rights at all' : acls.join(', '), { timeout: 60_000 }, async () => {
      const answers = []
      for (const peer of [kafka, elytra]) {
        await peer.become(acls.map(aclOf), filterOf({ principal: null }), `gone-${index}`)
        const given = new Map<string, string>()
        for (const question of RIGHTS_QUESTIONS) given.set(question.name, JSON.stringify(await answerOf(question, peer, `gone-${index}`)))
        answers.push(Object.fromEntries(given))
      }
      assert.deepEqual(answers[1], answers[0])
    })
  }
})

/** A real Kafka says for a moment that a coordinator is not there yet. */
async function answerOf(question: RightsQuestion, peer: RightsPeer, gone: string): Promise<unknown> {
  for (;;) {
    const answer = stripped(await question.ask(peer, gone).catch((error: Error) => error.message))
    if (answer !== COORDINATOR_LOADS && answer !== COORDINATOR_NOT_AVAILABLE) return answer
    await sleep(50)
  }
}

const COORDINATOR_LOADS = 14
const COORDINATOR_NOT_AVAILABLE = 15

function kafkaProperties(): Record<string, string> {
  const jaas = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" password="secret" user_admin="secret" user_bob="secret";'
  return {
    'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN',
    'inter.broker.listener.name': 'PLAINTEXT',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'listener.name.plaintext.plain.sasl.jaas.config': jaas,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:admin;User:ANONYMOUS',
    'delegation.token.secret.key': 'a secret',
    'connections.max.reauth.ms': `${REAUTH_MS}`,
  }
}
