/**
 * What happens to the clients of a history: the broker is killed (-9) and starts again, it and they are paused (SIGSTOP), some beyond the
 * timeout of their transactions. Whom, when and for how long is drawn from the seed.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Kafka, logLevel } from 'kafkajs'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { javaArgs } from '../java/tools.ts'
import { ElytraProcess } from '../lib/broker.ts'
import { Companion, tail, until } from '../lib/process.ts'
import { PYTHON } from '../lib/toolchain.ts'
import { type HistoryEvent, IN, OUT } from './check-history.ts'

const PARTITIONS = 3
const ACTORS = fileURLToPath(new URL('history_actors.py', import.meta.url))

export interface Story {
  readonly events: readonly HistoryEvent[]
  /** What was done to whom. */
  readonly deeds: readonly HistoryEvent[]
}

/** A program, and what it has written down so far. */
class Client {
  readonly name: string
  readonly producers: number
  readonly process: Companion
  readonly #events: HistoryEvent[] = []
  #linesRead = 0

  constructor(name: string, producers: number, command: string, args: readonly string[]) {
    this.name = name
    this.producers = producers
    this.process = new Companion(command, args)
  }

  get events(): readonly HistoryEvent[] {
    const { lines } = this.process
    for (; this.#linesRead < lines.length; this.#linesRead++) {
      const line = lines[this.#linesRead] as string
      if (line.startsWith('{"e"')) this.#events.push(JSON.parse(line) as HistoryEvent)
    }
    return this.#events
  }
}

/** Runs clients for `forMs` of trouble, lets them come to rest, and answers what they wrote down. */
export async function tell(seed: number, forMs: number): Promise<Story> {
  const folder = await mkdtemp(join(tmpdir(), 'elytra-history-'))
  const elytra = new ElytraProcess(join(folder, 'data'), ['--set', 'transaction.abort.timed.out.transaction.cleanup.interval.ms=200'])
  const clients: Client[] = []
  try {
    await elytra.start()
    await createTopics(elytra.addresses.kafka)
    const stop = join(folder, 'stop')
    clients.push(...startClients(elytra.addresses.kafka, seed, stop))
    const isAtWork = ({ events }: Client) => events.some(({ e }) => e === 'txn')
    await until('clients at work', () => clients.filter(({ producers }) => producers > 0).every(isAtWork), {
      timeoutMs: 40_000,
      describe: () => complaints(clients),
    })
    const deeds = await trouble(new SeededRandom(seed), forMs, elytra, clients)
    await writeFile(stop, '')
    const isDone = ({ events, producers }: Client) => events.filter(({ e }) => e === 'done').length >= producers
    await until('the end of all producers', () => clients.every(isDone), { timeoutMs: 60_000, everyMs: 50, describe: () => complaints(clients) })
    await writeFile(`${stop}.all`, '')
    const judge = clients[0] as Client
    const isJudged = () => judge.events.some(({ e, by }) => e === 'done' && by === judge.name)
    await until('the reader of everything', isJudged, { timeoutMs: 80_000, everyMs: 50, describe: () => complaints(clients) })
    return { events: clients.flatMap((client) => client.events), deeds }
  } finally {
    for (const { process } of clients) await process.stop('SIGKILL')
    await elytra.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** The first one reads everything at the end. Its producers know KIP-890, as those of 4.1 do; those of librdkafka do not. */
function startClients(bootstrap: string, seed: number, stop: string): Client[] {
  const java = (version: string, name: string, producers: number, more: readonly string[]): Client => {
    const args = [bootstrap, name, `${seed}`, stop, `${producers}`, ...more]
    return new Client(name, producers, 'java', javaArgs(`clients-${version}`, 'HistoryActors', args))
  }
  const librdkafka = (name: string, producers: number): Client => {
    return new Client(name, producers, PYTHON, [ACTORS, bootstrap, name, `${seed + 2}`, stop, `${producers}`])
  }
  return [java('4.4.0', 'java44', 2, ['final']), java('4.1.2', 'java41', 1, []), librdkafka('rdkafka', 2), librdkafka('rdkafka transformer', 0)]
}

/** Between 0.5 and 2 seconds of rest lie between two deeds. */
async function trouble(random: SeededRandom, forMs: number, elytra: ElytraProcess, clients: readonly Client[]): Promise<HistoryEvent[]> {
  const between = (least: number, most: number) => least + random.below(most - least)
  const deeds: HistoryEvent[] = []
  const note = (text: string) => deeds.push({ e: 'note', at: Date.now(), by: 'trouble', text })
  const end = performance.now() + forMs
  // The first two are sure, so that no run is without them.
  for (let n = 0; performance.now() < end || n < 2; n++) {
    await delay(between(500, 2_000))
    const kind = n < 2 ? n : random.below(5)
    if (kind === 0) {
      const afterMs = between(0, 800)
      note(`killed the broker, started it after ${afterMs} ms`)
      await elytra.kill()
      await delay(afterMs)
      await elytra.start()
      continue
    }
    const client = clients[random.below(clients.length)] as Client
    const [name, pid, ms] = kind === 4 ? ['the broker', elytra.pid, between(300, 3_000)] : [client.name, client.process.child.pid ?? 0, between(300, 7_000)]
    note(`paused ${name} for ${ms} ms`)
    process.kill(pid, 'SIGSTOP')
    await delay(ms)
    process.kill(pid, 'SIGCONT')
  }
  return deeds
}

async function createTopics(bootstrap: string): Promise<void> {
  const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.createTopics({ topics: [IN, OUT].map((topic) => ({ topic, numPartitions: PARTITIONS })) })
  await admin.disconnect()
}

function complaints(clients: readonly Client[]): string {
  return clients.map(({ name, process }) => `${name}: ${tail([...process.lines.slice(-5), ...process.errors].join('\n'))}`).join('\n')
}
