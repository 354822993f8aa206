import { codesOfAcl, codesOfFilter } from '../../../src/kafka/acl-codes.ts'
import { AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse } from '../../../src/kafka/messages/alter-user-scram-credentials.ts'
import { CreateAclsRequest, CreateAclsResponse } from '../../../src/kafka/messages/create-acls.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/kafka/messages/create-topics.ts'
import { DeleteAclsRequest, DeleteAclsResponse } from '../../../src/kafka/messages/delete-acls.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { buildBatch } from '../../../src/log/record-batch.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { SECURED_KAFKA } from '../addresses.ts'
import { KafkaClient } from '../kafka-client.ts'
import { RIGHTS_LINES, type RightsLine, type RightsModel } from '../rights-model.ts'
import { logIn, type ScramUser, scramUser } from '../scram-login.ts'
import type { World } from '../world.ts'
import { valueBytes } from './kafka-producers.ts'
import { EXCUSED, fetchOnce } from './kafka-readers.ts'

const ROOT = scramUser('root', 'of all')
const BOB = scramUser('bob', 'a word')
export const RIGHTS_TOPICS = ['rights-0', 'rights-1']

const TOPIC_EXISTS = 36
const UNKNOWN_TOPIC = 3
const TOPIC_AUTHORIZATION_FAILED = 29

/** A connection that speaks for the user; null where the broker does not know it, or went away. */
async function connectAs(world: World, user: ScramUser): Promise<KafkaClient | null> {
  const client = await KafkaClient.open(world, SECURED_KAFKA)
  const known = await logIn(client, user, `n${world.random.below(1_000_000_000)}`).catch(() => false)
  if (known) return client
  client.close()
  return null
}

/** The administrator: makes the users, then adds and takes away rights of bob's, one at a time, until each change is acknowledged. */
export class RightsKeeper {
  idle = false
  /** Bob and the topics are there. */
  ready = false
  /** A change that is asked for again until it is acknowledged: both kinds are idempotent. */
  #pending: { readonly line: RightsLine; readonly add: boolean } | null = null
  readonly #world: World
  readonly #model: RightsModel

  constructor(world: World, model: RightsModel) {
    this.#world = world
    this.#model = model
  }

  async run(): Promise<void> {
    const world = this.#world
    while (!this.ready || !world.stopping || this.#model.changing) {
      const client = await connectAs(world, ROOT)
      if (client === null) await this.#makeRoot()
      else await this.#work(client).catch(() => {})
      client?.close()
      await world.sleep(world.random.below(300))
    }
    this.idle = true
  }

  /** As long as there are no users anybody may make the first. */
  async #makeRoot(): Promise<void> {
    const client = await KafkaClient.open(this.#world, SECURED_KAFKA)
    await this.#put(client, ROOT).catch(() => {})
    client.close()
  }

  async #put(client: KafkaClient, { name, salt, iterations, saltedPassword }: ScramUser): Promise<boolean> {
    const upsertions = [{ name, mechanism: 1, iterations, salt, saltedPassword }]
    const { results } = await client.request(AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, 0, { deletions: [], upsertions })
    return results[0]?.errorCode === 0
  }

  async #work(client: KafkaClient): Promise<void> {
    const world = this.#world
    if (!this.ready) {
      if (!(await this.#put(client, BOB)) || !(await this.#makeTopics(client))) return
      this.ready = true
    }
    while (!client.closed && (!world.stopping || this.#model.changing)) {
      await this.#change(client)
      await world.sleep(world.random.below(400))
    }
  }

  async #makeTopics(client: KafkaClient): Promise<boolean> {
    const topics = RIGHTS_TOPICS.map((name) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }))
    const answer = await client.request(CreateTopicsRequest, CreateTopicsResponse, 7, { topics })
    return answer.topics.every(({ errorCode }) => errorCode === 0 || errorCode === TOPIC_EXISTS)
  }

  async #change(client: KafkaClient): Promise<void> {
    const world = this.#world
    if (this.#pending === null) {
      const line = world.random.pick(RIGHTS_LINES)
      this.#pending = { line, add: !this.#model.has(line) }
      this.#model.begin()
    }
    const { line, add } = this.#pending
    const code = add ? await this.#add(client, line) : await this.#remove(client, line)
    world.trace('rights', `${add ? 'add' : 'remove'} "${line.name}" ${code}`)
    if (code === 0) {
      this.#model.settle(line, add)
      this.#pending = null
      world.count('rights changed')
    } else if (!EXCUSED.has(code)) world.violate(`a change of rights was answered ${code}`)
  }

  async #add(client: KafkaClient, line: RightsLine): Promise<number> {
    const { patternType, ...acl } = codesOfAcl(line.acl)
    const answer = await client.request(CreateAclsRequest, CreateAclsResponse, 3, { creations: [{ ...acl, resourcePatternType: patternType }] })
    return answer.results[0]?.errorCode ?? -1
  }

  async #remove(client: KafkaClient, line: RightsLine): Promise<number> {
    const answer = await client.request(DeleteAclsRequest, DeleteAclsResponse, 3, {
      filters: [codesOfFilter(line.acl)],
    })
    return answer.filterResults[0]?.errorCode ?? -1
  }
}

/** Bob: writes and reads whatever he may, and is told no whenever he may not. */
export class RightsTaker {
  idle = false
  readonly #world: World
  readonly #model: RightsModel
  readonly #keeper: RightsKeeper
  #sent = 0
  /** By topic: refused values, which must never be there; acknowledged ones, which must. */
  readonly refused = new Set<string>()
  readonly acknowledged = new Map<string, string>()

  constructor(world: World, model: RightsModel, keeper: RightsKeeper) {
    this.#world = world
    this.#model = model
    this.#keeper = keeper
  }

  async run(): Promise<void> {
    const world = this.#world
    while (!world.stopping) {
      const client = this.#keeper.ready ? await connectAs(world, BOB) : null
      try {
        while (client !== null && !world.stopping && !client.closed) await this.#once(client)
      } catch {
        // On another connection.
      } finally {
        client?.close()
      }
      await world.sleep(world.random.below(300))
    }
    this.idle = true
  }

  async #once(client: KafkaClient): Promise<void> {
    const { random } = this.#world
    const topic = random.pick(RIGHTS_TOPICS)
    if (random.chance(0.5)) await this.#write(client, topic)
    else await this.#read(client, topic)
    await this.#world.sleep(random.below(60))
  }

  async #write(client: KafkaClient, topic: string): Promise<void> {
    const world = this.#world
    const value = `bob.${this.#sent++}`
    const records = buildBatch([{ key: null, value: valueBytes(value, 30), timestampMs: world.time.wallMs }])
    const before = this.#model.changing ? -1 : this.#model.version
    const topicData = [{ name: topic, topicId: ZERO_UUID, partitionData: [{ index: 0, records }] }]
    const answer = await client.request(ProduceRequest, ProduceResponse, 9, { acks: -1, timeoutMs: 30_000, topicData })
    const code = answer.responses[0]?.partitionResponses[0]?.errorCode ?? -1
    if (code === TOPIC_AUTHORIZATION_FAILED) this.refused.add(value)
    if (code === 0) this.acknowledged.set(value, topic)
    this.#judge('write', topic, code, before)
  }

  async #read(client: KafkaClient, topic: string): Promise<void> {
    const before = this.#model.changing ? -1 : this.#model.version
    const got = await fetchOnce(this.#world, client, { topic, index: 0, offset: 0 }, { maxWaitMs: 0, maxBytes: 2_000 })
    this.#judge('read', topic, got.errorCode, before)
  }

  /** Only where no change was under way from the question to the answer. */
  #judge(operation: 'read' | 'write', topic: string, code: number, before: number): void {
    const world = this.#world
    const outcome = code === TOPIC_AUTHORIZATION_FAILED ? 'refused' : code === 0 ? 'done' : null
    if (outcome === null) {
      if (!EXCUSED.has(code) && code !== UNKNOWN_TOPIC) world.violate(`bob's ${operation} of ${topic} was answered ${code}`)
      return
    }
    if (this.#model.changing || before !== this.#model.version) return
    const expected = this.#model.may(topic, operation) ? 'done' : 'refused'
    world.count(`${operation} ${outcome}`)
    if (outcome !== expected) world.violate(`bob's ${operation} of ${topic} was ${outcome}, by his rights it must be ${expected}`)
  }

  /** Reads everything as the administrator. */
  async verify(): Promise<void> {
    const world = this.#world
    for (const topic of RIGHTS_TOPICS) {
      const values = await this.#valuesOf(topic)
      if (values === null) continue
      for (const value of values) if (this.refused.has(value)) world.violate(`${topic} holds ${value}, which bob was told he may not write`)
      if (world.damage.has(topic, 0, 0)) continue
      const there = new Set(values)
      for (const [value, where] of this.acknowledged) {
        if (where === topic && !there.has(value) && !world.damage.values.has(value)) world.violate(`${topic} lacks ${value}, which was acknowledged`)
      }
    }
  }

  /** Null where the broker does not know the administrator: the run ended before there was one. */
  async #valuesOf(topic: string): Promise<string[] | null> {
    if (!this.#keeper.ready) return null
    const world = this.#world
    for (let attempt = 0; attempt < 50; attempt++) {
      const client = await connectAs(world, ROOT)
      if (client === null) {
        await world.sleep(200)
        continue
      }
      try {
        return await this.#readAll(client, topic)
      } catch {
        await world.sleep(200)
      } finally {
        client.close()
      }
    }
    world.violate(`the administrator cannot read ${topic}`)
    return null
  }

  async #readAll(client: KafkaClient, topic: string): Promise<string[]> {
    const values: string[] = []
    let offset = 0
    for (;;) {
      const got = await fetchOnce(this.#world, client, { topic, index: 0, offset }, { maxWaitMs: 0, maxBytes: 1_000_000 })
      if (got.errorCode !== 0) throw new Error(`Fetch answered ${got.errorCode}`)
      for (const record of got.records) values.push(record.value)
      offset = got.nextOffset
      if (got.isDamaged) continue
      if (got.records.length === 0 || offset >= got.highWatermark) return values
    }
  }
}
