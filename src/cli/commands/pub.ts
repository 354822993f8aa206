import { createInterface } from 'node:readline'
import type { MessageProperties } from '../../broker/sessions/ports.ts'
import { type CommandIo, defineCommand, EXIT, flag, usageError, whole, word, wordList } from '../command.ts'
import { messageFromJson } from '../message-json.ts'
import type { MqttClient, Publication } from '../mqtt-client/mqtt-client.ts'
import { connectMqtt, levelOf, MQTT_OPTIONS, parseUserProperties, qosOf } from '../mqtt-options.ts'
import { printJson, tell } from '../output.ts'

/** Messages on their way at once; the broker's receive maximum bounds those with a QoS, too. */
const MAX_PENDING = 1_000

export const command = defineCommand({
  description:
    'Publishes MQTT messages: the one of --message, or those of stdin, a line each. Ends when the broker has them (QoS 1 and 2: on its disk).\n' +
    'A message to orders/eu/42 is the record with the key eu/42 in the topic orders.',
  arguments: [{ name: '[topic]', doc: 'Where to; with --json the lines may name it.' }],
  options: {
    ...MQTT_OPTIONS,
    message: word('-m, --message <text>', 'Publish this one payload and read nothing.'),
    empty: flag('--empty', 'Publish one empty payload: with --retain it clears the retained message.'),
    retain: flag('-r, --retain', 'The broker keeps the message for those who subscribe later.'),
    json: flag('--json', 'Read JSON lines as sub --json prints them, and print what was published.'),
    expiry: whole('--expiry <seconds>', 'The message is worth nothing after so long (MQTT 5).'),
    contentType: word('--content-type <type>', 'Its content type (MQTT 5).'),
    responseTopic: word('--response-topic <topic>', 'Where an answer is expected (MQTT 5).'),
    correlation: word('--correlation <text>', 'What the answer will carry (MQTT 5).'),
    property: wordList('-P, --property <name=value>', 'A user property; may be given again (MQTT 5).'),
  },
  examples: [
    { command: 'elytra pub orders/eu/42 -m \'{"total":7}\'', what: 'one message; Kafka consumers of orders get it too' },
    { command: 'elytra pub plant/temp -m 21.5 --retain -q 2', what: 'exactly once, and kept as the latest value' },
    { command: 'seq 10 | elytra pub numbers', what: 'a message per line' },
    { command: "elytra sub 'a/#' --json | elytra pub --json -b other:1883", what: 'forward everything below a' },
  ],
  run: async (io, [topic], options) => {
    const defaults = { topic, qos: qosOf(options.qos), retain: options.retain }
    const properties = propertiesOf(options)
    if (properties !== null && levelOf(options) !== 5) throw usageError('properties need MQTT 5 (-V 5)')
    const make = (payload: Uint8Array): Publication => {
      if (topic === undefined) throw usageError('no topic was given')
      return { ...defaults, topic, payload, properties }
    }
    if (!options.json && topic === undefined) throw usageError('no topic was given')
    const client = await connectMqtt(io, options, { sessionExpiryS: 0 })
    try {
      const sender = new Sender(client, options.json ? ({ topic: to, qos, retain }) => printJson(io, { topic: to, qos, retain }) : () => {})
      if (options.message !== undefined) await sender.send(make(Buffer.from(options.message)))
      else if (options.empty) await sender.send(make(Buffer.alloc(0)))
      else {
        let line = 0
        for await (const text of linesOf(io)) {
          line++
          if (options.json && text.trim() === '') continue
          await sender.send(options.json ? messageFromJson(text, `line ${line}`, defaults) : make(Buffer.from(text)))
        }
      }
      await sender.flush()
      if (!options.json) tell(io, `published ${sender.count} ${sender.count === 1 ? 'message' : 'messages'}`)
    } finally {
      await client.close()
    }
    return EXIT.ok
  },
})

/** Publishes in order, without waiting for one acknowledgement before the next message. */
class Sender {
  readonly #client: MqttClient
  readonly #onDone: (publication: Publication) => void
  readonly #pending = new Set<Promise<void>>()
  #failure: unknown
  count = 0

  constructor(client: MqttClient, onDone: (publication: Publication) => void) {
    this.#client = client
    this.#onDone = onDone
  }

  async send(publication: Publication): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const sent = this.#client.publish(publication).then(
      () => {
        this.count++
        this.#onDone(publication)
      },
      (error: unknown) => {
        this.#failure ??= error
      },
    )
    this.#pending.add(sent)
    void sent.finally(() => this.#pending.delete(sent))
    if (this.#pending.size >= MAX_PENDING) await Promise.race(this.#pending)
  }

  async flush(): Promise<void> {
    await Promise.all(this.#pending)
    if (this.#failure !== undefined) throw this.#failure
  }
}

function linesOf(io: CommandIo): AsyncIterable<string> {
  const lines = createInterface({ input: io.stdin, crlfDelay: Number.POSITIVE_INFINITY })
  io.stop.addEventListener('abort', () => lines.close(), { once: true })
  return lines
}

interface PropertyOptions {
  readonly expiry: number | undefined
  readonly contentType: string | undefined
  readonly responseTopic: string | undefined
  readonly correlation: string | undefined
  readonly property: readonly string[]
}

function propertiesOf({ expiry, contentType, responseTopic, correlation, property }: PropertyOptions): MessageProperties | null {
  const properties: MessageProperties = {
    ...(expiry === undefined ? {} : { messageExpiryS: expiry }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlation === undefined ? {} : { correlationData: Buffer.from(correlation) }),
    ...(property.length === 0 ? {} : { userProperties: parseUserProperties(property) }),
  }
  return Object.keys(properties).length === 0 ? null : properties
}
