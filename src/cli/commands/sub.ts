import type { PublishPacket } from '../../mqtt/wire/packets.ts'
import { defineCommand, EXIT, flag, usageError, whole, word, wordList } from '../command.ts'
import { messageToJson } from '../message-json.ts'
import { connectMqtt, levelOf, MQTT_OPTIONS, parseSessionExpiry, parseUserProperties, qosOf } from '../mqtt-options.ts'
import { writeAll } from '../output.ts'

export const command = defineCommand({
  description:
    'Prints the MQTT messages that match filters, as they come. + stands for one level, # for all that follow. With --from the history comes first: the\n' +
    'log keeps every message. With --session the broker keeps what it could not deliver for the next time.',
  arguments: [{ name: 'filters...', doc: 'Such as orders/+/42 or plant/#.' }],
  options: {
    ...MQTT_OPTIONS,
    from: word('--from <place>', 'Replay from here: earliest, an offset, an ISO time ending in Z, or how long ago (-1h) (MQTT 5).'),
    session: word('-s, --session <time>', 'Keep the session so long after this ends: seconds, 10m, 1h, 7d or never; needs --id.'),
    count: whole('-n, --count <number>', 'Stop after so many messages.', { min: 1 }),
    verbose: flag('-v, --verbose', 'Print the topic before the payload.'),
    json: flag('--json', 'Print a JSON line per message: what pub --json reads.'),
    noRetained: flag('--no-retained', 'No retained messages when subscribing (MQTT 5).'),
    noLocal: flag('--no-local', 'Not what this client publishes itself (MQTT 5).'),
    property: wordList('-P, --property <name=value>', 'A user property of the SUBSCRIBE; may be given again (MQTT 5).'),
  },
  examples: [
    { command: "elytra sub 'orders/#' -v", what: 'everything below orders, whoever produced it' },
    { command: "elytra sub 'orders/#' --from earliest -n 100", what: 'the first hundred messages there ever were' },
    { command: "elytra sub 'plant/+' --from -1h --json", what: 'those of the last hour, then live, as JSON lines' },
    { command: "elytra sub 'jobs/#' -q 2 --id worker --session 7d", what: 'miss nothing for a week, exactly once' },
  ],
  run: async (io, filters, options) => {
    const level = levelOf(options)
    if (level !== 5 && (options.from !== undefined || options.noRetained || options.noLocal || options.property.length > 0)) {
      throw usageError('--from, --no-retained, --no-local and --property need MQTT 5 (-V 5)')
    }
    const userProperties = [...parseUserProperties(options.property), ...(options.from === undefined ? [] : [['from', options.from] as const])]
    const client = await connectMqtt(io, options, parseSessionExpiry(options.session, options.id))
    const print = printer(options)
    try {
      await client.subscribe({
        subscriptions: filters.map((filter) => ({
          filter,
          qos: qosOf(options.qos),
          noLocal: options.noLocal,
          retainAsPublished: options.json,
          retainHandling: options.noRetained ? 2 : 0,
        })),
        properties: userProperties.length === 0 ? {} : { userProperties },
      })
      let left = options.count ?? Number.POSITIVE_INFINITY
      for await (const packet of client.messages(io.stop)) {
        await writeAll(io, print(packet))
        left--
        if (left > 0) continue
        client.acknowledge(packet)
        break
      }
    } finally {
      await client.close()
    }
    return EXIT.ok
  },
})

function printer({ json, verbose }: { readonly json: boolean; readonly verbose: boolean }): (packet: PublishPacket) => string | Uint8Array {
  if (json) return (packet) => `${messageToJson(packet)}\n`
  const end = Buffer.from('\n')
  return ({ topic, payload }) => Buffer.concat(verbose ? [Buffer.from(`${topic} `), payload, end] : [payload, end])
}
