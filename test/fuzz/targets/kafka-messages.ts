import assert from 'node:assert/strict'
import { KAFKA_APIS } from '../../../src/kafka/apis.ts'
import { MalformedMessage } from '../../../src/kafka/wire/malformed-message.ts'
import { decode, encode, isFlexible, layoutOfMessage, type Message } from '../../../src/kafka/wire/message.ts'
import { ReferenceEncoder } from '../lib/kafka-reference.ts'
import { randomStruct } from '../lib/kafka-values.ts'
import type { Target } from '../lib/target.ts'

/** Every request and response of every API that is served. */
const MESSAGES: readonly Message[] = KAFKA_APIS.ranges.flatMap(({ apiKey }) => {
  const api = KAFKA_APIS.get(apiKey)
  return api === undefined ? [] : [api.request, api.response]
})
const BY_NAME = new Map(MESSAGES.map((message) => [message.name, message]))
/** The most values that a byte of a message may become: a struct of a byte or two is given all its defaults. */
const VALUES_PER_BYTE = 40
const FIRST_UNKNOWN_TAG = 40

export const kafkaMessages: Target = {
  name: 'kafka-messages',
  about: 'requests and responses of every API and version: the compiled codecs against a plain encoder; damaged ones are MalformedMessage or mean something',
  variants: 8,
  maxMutations: 4,
  slowMs: 500,
  minimiseChecks: 2000,

  generate(random) {
    const message = random.pick(MESSAGES)
    const version = random.between(...message.versions)
    const layout = layoutOfMessage(message, version)
    const flexible = isFlexible(message, version)
    const encoder = new ReferenceEncoder(flexible)
    const hasUnknownTag = flexible && random.chance(0.2)
    encoder.struct(
      layout,
      randomStruct(random, layout),
      hasUnknownTag ? { tag: FIRST_UNKNOWN_TAG + random.below(1000), bytes: Buffer.from(random.bytes(random.below(20))) } : null,
    )
    return { meta: { message: message.name, version, hasUnknownTag }, parts: [encoder.bytes()], spots: [encoder.spots] }
  },

  check(meta, [bytes], valid) {
    const message = BY_NAME.get(meta.message as string) as Message
    const version = meta.version as number
    const input = bytes as Buffer
    const cursor = { ended: 0 }
    let value: ReturnType<typeof decode>
    try {
      value = decode(message, version, input, 0, cursor)
    } catch (error) {
      if (valid || !(error instanceof MalformedMessage)) throw error
      return
    }
    assert.ok(cursor.ended <= input.length, `read to ${cursor.ended} of ${input.length} bytes`)
    const values = count(value)
    assert.ok(values <= (input.length + 1) * VALUES_PER_BYTE, `${values} values out of ${input.length} bytes`)
    const again = Buffer.concat(encode(message, version, value))
    assert.deepEqual(decode(message, version, again), value, 'what was written is read as something else')
    if (!valid) return
    assert.equal(cursor.ended, input.length, 'bytes are left over')
    if (meta.hasUnknownTag === true) return
    assert.equal(again.toString('hex'), input.toString('hex'), 'other bytes than those that were read')
  },
}

/** Values within a value: what decoding has made. */
function count(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 1
  return Object.values(value).reduce<number>((total, inner) => total + count(inner), 1)
}
