import { setTimeout as sleep } from 'node:timers/promises'
import type { Acl, AclFilter } from '../../../src/broker/security/acl.ts'
import { saltPassword } from '../../../src/broker/security/scram.ts'
import { codesOfAcl, codesOfFilter } from '../../../src/kafka/acl-codes.ts'
import { AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse } from '../../../src/kafka/messages/alter-user-scram-credentials.ts'
import { CreateAclsRequest, CreateAclsResponse } from '../../../src/kafka/messages/create-acls.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/kafka/messages/create-topics.ts'
import { DeleteAclsRequest, DeleteAclsResponse } from '../../../src/kafka/messages/delete-acls.ts'
import { DescribeAclsRequest, DescribeAclsResponse } from '../../../src/kafka/messages/describe-acls.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/kafka/messages/find-coordinator.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../../src/kafka/messages/heartbeat.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/kafka/messages/init-producer-id.ts'
import { MetadataRequest, MetadataResponse } from '../../../src/kafka/messages/metadata.ts'
import { SaslAuthenticateRequest, SaslAuthenticateResponse } from '../../../src/kafka/messages/sasl-authenticate.ts'
import { SaslHandshakeRequest, SaslHandshakeResponse } from '../../../src/kafka/messages/sasl-handshake.ts'
import type { Shape } from '../../../src/kafka/wire/fields.ts'
import type { Input, Message } from '../../../src/kafka/wire/message.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { RawClient } from '../../kafka/lib/raw-client.ts'

const PASSWORD = 'secret'
const UNKNOWN_MEMBER_ID = 25
const TOPICS = ['orders', 'secret']

/** A broker with an administrator `admin`, who gives and takes rights, and a user `bob`, who asks. */
export class RightsPeer {
  readonly topicIds = new Map<string, string>()
  readonly #address: { readonly host: string; readonly port: number }
  readonly #admin: RawClient

  private constructor(address: { readonly host: string; readonly port: number }, admin: RawClient) {
    this.#address = address
    this.#admin = admin
  }

  static async open(bootstrap: string, kind: 'kafka' | 'elytra'): Promise<RightsPeer> {
    const [host, port] = bootstrap.split(':') as [string, string]
    const address = { host, port: Number(port) }
    if (kind === 'elytra') await makeUsers(address)
    const peer = new RightsPeer(address, await logIn(address, 'admin'))
    for (const name of TOPICS) await peer.makeTopic(name)
    for (const groupId of ['g', 'h', 'none']) await peer.#awaitCoordinator(groupId)
    await peer.#awaitTransactions()
    return peer
  }

  /** One request of the administrator's on a connection of its own; `closed` where that is the answer. */
  async askAsAdmin<Q extends Shape, R extends Shape>(messages: readonly [Message<Q>, Message<R>], version: number, value: Input<Message<Q>>) {
    await using client = await logIn(this.#address, 'admin')
    return await client.ask(messages, version, value).catch(() => 'closed' as const)
  }

  close(): Promise<void> {
    return this.#admin[Symbol.asyncDispose]()
  }

  /** Bob has these rights alone, and there is a topic of this name. */
  async become(acls: readonly Acl[], all: AclFilter, topic: string): Promise<void> {
    await this.makeTopic(topic)
    await this.#admin.ask([DeleteAclsRequest, DeleteAclsResponse] as const, 3, { filters: [codesOfFilter(all)] })
    const creations = acls.map((acl) => {
      const { patternType, ...rest } = codesOfAcl(acl)
      return { ...rest, resourcePatternType: patternType }
    })
    await this.#admin.ask([CreateAclsRequest, CreateAclsResponse] as const, 3, { creations })
    // Kafka's broker learns of them a moment after its controller has answered.
    for (;;) {
      const { resources } = await this.#admin.ask([DescribeAclsRequest, DescribeAclsResponse] as const, 3, codesOfFilter(all))
      if (resources.reduce((count, resource) => count + resource.acls.length, 0) === acls.length) return
      await sleep(20)
    }
  }

  async makeTopic(name: string): Promise<void> {
    const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    await this.#admin.ask([CreateTopicsRequest, CreateTopicsResponse] as const, 7, { topics: [topic], timeoutMs: 10_000, validateOnly: false })
    for (;;) {
      const asked = {
        topics: [{ name, topicId: ZERO_UUID }],
        allowAutoTopicCreation: false,
        includeTopicAuthorizedOperations: false,
        includeClusterAuthorizedOperations: false,
      }
      const [found] = (await this.#admin.ask([MetadataRequest, MetadataResponse] as const, 12, asked)).topics
      if (found?.errorCode === 0) {
        this.topicIds.set(name, found.topicId)
        return
      }
      await sleep(20)
    }
  }

  /** A real Kafka says for a while that the coordinator is not there yet. */
  async #awaitCoordinator(groupId: string): Promise<void> {
    for (;;) {
      const find = { key: '', keyType: 0, coordinatorKeys: [groupId] }
      const { coordinators } = await this.#admin.ask([FindCoordinatorRequest, FindCoordinatorResponse] as const, 4, find)
      const beat = { groupId, generationId: 1, memberId: 'm', groupInstanceId: null }
      const { errorCode } = await this.#admin.ask([HeartbeatRequest, HeartbeatResponse] as const, 4, beat)
      if (coordinators[0]?.errorCode === 0 && errorCode === UNKNOWN_MEMBER_ID) return
      await sleep(50)
    }
  }

  /** The first one makes Kafka's topic of transactions; until then what bob may not ask about is answered otherwise, too. */
  async #awaitTransactions(): Promise<void> {
    for (;;) {
      await this.#admin.ask([FindCoordinatorRequest, FindCoordinatorResponse] as const, 4, { key: '', keyType: 1, coordinatorKeys: ['other'] })
      const asked = { transactionalId: 'other', transactionTimeoutMs: 60_000 }
      const { errorCode } = await this.#admin.ask([InitProducerIdRequest, InitProducerIdResponse] as const, 4, asked)
      if (errorCode === 0) return
      await sleep(50)
    }
  }

  /** One request of bob's on a connection of its own. */
  async ask<Q extends Shape, R extends Shape>(messages: readonly [Message<Q>, Message<R>], version: number, value: Input<Message<Q>>) {
    await using client = await logIn(this.#address, 'bob')
    // Awaited here: the connection ends with this block.
    return await client.ask(messages, version, value)
  }
}

async function logIn(address: { readonly host: string; readonly port: number }, user: string): Promise<RawClient> {
  const client = await RawClient.connect(address)
  await client.ask([SaslHandshakeRequest, SaslHandshakeResponse] as const, 1, { mechanism: 'PLAIN' })
  const token = Buffer.from(`\0${user}\0${PASSWORD}`)
  const { errorCode, errorMessage } = await client.ask([SaslAuthenticateRequest, SaslAuthenticateResponse] as const, 2, { authBytes: token })
  if (errorCode !== 0) throw new Error(`${user} cannot log in: ${errorMessage}`)
  return client
}

/** The first one made is administrator. */
async function makeUsers(address: { readonly host: string; readonly port: number }): Promise<void> {
  await using client = await RawClient.connect(address)
  const salt = Buffer.from('saltsaltsaltsalt')
  const saltedPassword = await saltPassword('SCRAM-SHA-256', PASSWORD, salt, 4096)
  for (const name of ['admin', 'bob']) {
    const upsertions = [{ name, mechanism: 1, iterations: 4096, salt, saltedPassword }]
    const asker = name === 'admin' ? client : await logIn(address, 'admin')
    await asker.ask([AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse] as const, 0, { deletions: [], upsertions })
    if (asker !== client) await asker[Symbol.asyncDispose]()
  }
}
