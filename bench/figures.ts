/**
 * The figures beside the real ones, in one run: `node bench/figures.ts [ROUNDS=3] [MESSAGES=1000000]`. Elytra, Apache Kafka 4.4
 * and Mosquitto run at the same time on loopback, only one is under load at a time, and the rounds alternate between them.
 * Prints medians and ratios as a Markdown table. Beside each figure stands what it cost the broker's process (CPU seconds a
 * second, from /proc): near 1.0 its one thread is the bound, well below it the client or the disk is.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startMosquitto } from '../scripts/peers/mosquitto.ts'
import { installKafkaTools } from '../scripts/real-kafka/install.ts'
import { startRealKafka } from '../scripts/real-kafka/start.ts'
import { ElytraProcess } from '../test/compat/lib/broker.ts'
import { runOk } from '../test/compat/lib/process.ts'

const rounds = Number(process.argv[2] ?? 3)
const messages = Number(process.argv[3] ?? 1_000_000)
/** Linux counts CPU time in hundredths of a second. */
const TICKS_PER_SECOND = 100

interface Sample {
  readonly value: number
  /** CPU seconds of the broker per second of the run. */
  readonly busy?: number
}

interface Row {
  readonly what: string
  readonly unit: string
  readonly peer: string
  readonly ours: Sample[]
  readonly theirs: Sample[]
}

const statOf = async (pid: number): Promise<string[]> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
const cpuSeconds = async (pid: number): Promise<number> => {
  const fields = await statOf(pid)
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
/** Milliseconds since the process was made, in steps of ten. */
const ageMs = async (pid: number): Promise<number> => {
  const [uptime = '0'] = (await readFile('/proc/uptime', 'utf8')).split(' ')
  return (Number(uptime) - Number((await statOf(pid))[19]) / TICKS_PER_SECOND) * 1000
}
const residentMb = async (pid: number): Promise<number> => Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024

async function underLoad(pid: number, run: () => Promise<{ readonly value: number; readonly seconds: number }>): Promise<Sample> {
  const before = await cpuSeconds(pid)
  const { value, seconds } = await run()
  return { value, busy: ((await cpuSeconds(pid)) - before) / seconds }
}

let topics = 0
const newTopic = () => `figures-${process.pid}-${topics++}`

/** kcat reads lines of 100 bytes from a file; the time of a run with one line is taken off, so start and end are not counted. */
async function librdkafka(bootstrap: string, acks: string, files: { readonly all: string; readonly one: string }) {
  const timed = async (file: string, topic: string) => {
    const options = [`acks=${acks}`, 'linger.ms=5', 'batch.num.messages=100000', 'batch.size=1000000', 'queue.buffering.max.messages=1000000']
    const began = performance.now()
    await runOk('kcat', ['-b', bootstrap, '-P', '-t', topic, '-l', file, ...options.flatMap((one) => ['-X', one])], { timeoutMs: 120_000 })
    return (performance.now() - began) / 1000
  }
  const topic = newTopic()
  // The first run makes the topic, which is not what is measured.
  await timed(files.one, topic)
  const idle = await timed(files.one, topic)
  const seconds = (await timed(files.all, topic)) - idle
  return { value: messages / seconds, seconds }
}

async function javaPerformance(bootstrap: string, acks: string, classPath: string) {
  const { stdout } = await runOk(
    'java',
    [
      ...['-Xmx512m', '-cp', classPath, 'org.apache.kafka.tools.ProducerPerformance', '--topic', newTopic()],
      ...['--num-records', `${messages}`, '--record-size', '100', '--throughput', '-1'],
      ...['--producer-props', `bootstrap.servers=${bootstrap}`, `acks=${acks}`, ...(acks === 'all' ? [] : ['enable.idempotence=false'])],
    ],
    { timeoutMs: 120_000 },
  )
  const value = Number(/ ([\d.]+) records\/sec/.exec(stdout.trim().split('\n').at(-1) ?? '')?.[1])
  return { value, seconds: messages / value }
}

async function mqttThroughput(address: { readonly host: string; readonly port: number }, qos: number) {
  const generator = join(import.meta.dirname, 'mqtt/throughput.ts')
  const { stdout } = await runOk(process.execPath, [generator, `${address.host}:${address.port}`, `${qos}`, `${messages}`, '100', '200'], {
    timeoutMs: 120_000,
  })
  const value = Number(/: (\d+) messages\/s/.exec(stdout)?.[1])
  if (!(value > 0)) throw new Error(`the MQTT generator printed ${stdout}`)
  return { value, seconds: messages / value }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

function print(rows: readonly Row[]): void {
  const show = (samples: readonly Sample[]) => {
    const value = median(samples.map((sample) => sample.value))
    const busy = samples.flatMap((sample) => (sample.busy === undefined ? [] : [sample.busy]))
    const figure = value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(value < 100 ? 1 : 0)
    return busy.length === 0 ? figure : `${figure} (CPU ${median(busy).toFixed(2)})`
  }
  console.log('\n| What | Unit | Elytra | The real one | Elytra ÷ real |\n|---|---|---|---|---|')
  for (const { what, unit, peer, ours, theirs } of rows) {
    const ratio = median(ours.map((sample) => sample.value)) / median(theirs.map((sample) => sample.value))
    console.log(`| ${what} | ${unit} | ${show(ours)} | ${peer}: ${show(theirs)} | ${ratio.toFixed(2)} |`)
  }
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'elytra-figures-'))
  const rows: Row[] = []
  const row = (what: string, unit: string, peer: string): Row => {
    const made = { what, unit, peer, ours: [], theirs: [] }
    rows.push(made)
    return made
  }
  try {
    const files = { all: join(folder, 'all'), one: join(folder, 'one') }
    const line = `${'x'.repeat(100)}\n`
    await writeFile(files.one, line)
    await writeFile(files.all, line.repeat(messages))
    const toolsClassPath = await installKafkaTools()

    const readyKafka = row('exec to ready', 'ms', 'Kafka 4.4')
    const readyMosquitto = row('exec to ready', 'ms', 'Mosquitto')
    for (let round = 0; round < rounds; round++) {
      const elytra = new ElytraProcess(join(folder, `ready-${round}`))
      const sample = { value: await elytra.start() }
      await elytra.stop()
      readyKafka.ours.push(sample)
      readyMosquitto.ours.push(sample)
      await using mosquitto = await startMosquitto()
      readyMosquitto.theirs.push({ value: mosquitto.readyMs })
    }

    const elytra = new ElytraProcess(join(folder, 'data'))
    await elytra.start()
    await using _stop = { [Symbol.asyncDispose]: async () => void (await elytra.stop()) }
    await using mosquitto = await startMosquitto()
    await using kafka = await startRealKafka({ heapMb: 1024, properties: { 'num.partitions': '4' } })
    readyKafka.theirs.push({ value: await ageMs(kafka.pid) })
    await delay(3000)
    const ours = { value: await residentMb(elytra.pid) }
    for (const [peer, pid] of [
      ['Kafka 4.4', kafka.pid],
      ['Mosquitto', mosquitto.pid],
    ] as const) {
      const idle = row('resident memory, idle', 'MB', peer)
      idle.ours.push(ours)
      idle.theirs.push({ value: await residentMb(pid) })
    }

    for (const acks of ['1', 'all']) {
      const kcat = row(`librdkafka, 100 B, acks=${acks}`, 'records/s', 'Kafka 4.4')
      const java = row(`Java ProducerPerformance, 100 B, acks=${acks}`, 'records/s', 'Kafka 4.4')
      for (let round = 0; round < rounds; round++) {
        kcat.ours.push(await underLoad(elytra.pid, () => librdkafka(elytra.addresses.kafka, acks, files)))
        kcat.theirs.push(await underLoad(kafka.pid, () => librdkafka(kafka.bootstrap, acks, files)))
        java.ours.push(await underLoad(elytra.pid, () => javaPerformance(elytra.addresses.kafka, acks, toolsClassPath)))
        java.theirs.push(await underLoad(kafka.pid, () => javaPerformance(kafka.bootstrap, acks, toolsClassPath)))
      }
    }
    await kafka.stop()
    for (const qos of [0, 1]) {
      const mqtt = row(`MQTT QoS ${qos}, 100 B, 1 → 1${qos === 1 ? ', window 200' : ''}, Elytra storing`, 'messages/s', 'Mosquitto')
      for (let round = 0; round < rounds; round++) {
        mqtt.ours.push(await underLoad(elytra.pid, () => mqttThroughput(elytra.addresses.mqtt, qos)))
        mqtt.theirs.push(await underLoad(mosquitto.pid, () => mqttThroughput(mosquitto, qos)))
      }
    }
    const after = row('resident memory, after all that', 'MB', 'Mosquitto')
    after.ours.push({ value: await residentMb(elytra.pid) })
    after.theirs.push({ value: await residentMb(mosquitto.pid) })
    print(rows)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

await main()
