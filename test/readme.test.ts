import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { killLeftProcesses, startBrokerProcess } from './start-broker-process.ts'

/**
 * Runs every block of README.md, in order, against one broker on free ports. Blocks say how after their language: `run=NAME`
 * runs anywhere; `needs=TOOL` runs where the tool is installed, and is skipped loudly elsewhere.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')

interface Block {
  readonly language: string
  readonly run: string | undefined
  readonly needs: string | undefined
  readonly text: string
  /** The block of `text` that follows: what it prints. */
  readonly output: string | undefined
}

const fences = [...readme.matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm)].map(([, language = '', info = '', text = '']) => ({ language, info, text }))
const blocks = fences.flatMap(({ language, info, text }, index): Block[] => {
  if (language === 'text') return []
  const next = fences[index + 1]
  const option = (name: string): string | undefined => new RegExp(`\\b${name}=(\\S+)`).exec(info)?.[1]
  return [{ language, run: option('run'), needs: option('needs'), text, output: next?.language === 'text' ? next.text : undefined }]
})
const block = (name: string): Block => {
  const found = blocks.find(({ run }) => run === name)
  assert.ok(found, `README.md has no block run=${name}`)
  return found
}

let folder: string
let broker: Awaited<ReturnType<typeof startBrokerProcess>>

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'elytra-readme-'))
  // What a reader has: the command, and the packages that the examples import.
  mkdirSync(join(folder, 'bin'))
  mkdirSync(join(folder, 'node_modules'))
  for (const name of ['kafkajs', 'mqtt']) symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  mkdirSync(join(folder, 'node_modules/elytra'))
  const manifest = { name: 'elytra', type: 'module', exports: './index.js' }
  writeFileSync(join(folder, 'node_modules/elytra/package.json'), JSON.stringify(manifest))
  writeFileSync(join(folder, 'node_modules/elytra/index.js'), `export * from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}\n`)
  broker = await startBrokerProcess(['--data-dir', join(folder, 'data')])
  writeCommand(broker)
})
after(async () => {
  killLeftProcesses()
  await broker.ended
  rmSync(folder, { recursive: true, force: true })
})

/** `elytra`, from source, for which this broker is the one on the usual ports. */
function writeCommand({ kafka, mqtt }: { readonly kafka: string; readonly mqtt: string }): void {
  const main = join(root, 'src/cli/main.ts')
  const script = `#!/bin/sh
case "$1" in
  pub|sub) exec "${process.execPath}" "${main}" "$@" -b ${mqtt} ;;
  start) exec "${process.execPath}" "${main}" "$@" ;;
  *) exec "${process.execPath}" "${main}" "$@" -b ${kafka} ;;
esac
`
  writeFileSync(join(folder, 'bin/elytra'), script)
  chmodSync(join(folder, 'bin/elytra'), 0o755)
}

/** The usual ports are those of this broker. */
const here = (text: string): string => {
  const port = (address: string): string => address.slice(address.lastIndexOf(':') + 1)
  return text
    .replaceAll('localhost:9092', broker.kafka)
    .replaceAll('mqtt://localhost:1883', `mqtt://${broker.mqtt}`)
    .replace(/mosquitto_(pub|sub) -h localhost/g, `mosquitto_$1 -h 127.0.0.1 -p ${port(broker.mqtt)}`)
}

async function run(command: string, words: readonly string[], stdin = ''): Promise<string> {
  const child = spawn(command, words, { cwd: folder, env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}` }, timeout: 30_000 })
  const printed: Buffer[] = []
  const said: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => printed.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk))
  child.stdin.end(stdin)
  const [code] = (await once(child, 'close')) as [number | null]
  assert.equal(code, 0, `${command} ${words.join(' ')}\n${Buffer.concat(said)}`)
  return Buffer.concat(printed).toString()
}

const shell = (text: string, stdin?: string): Promise<string> => run('sh', ['-e', '-c', here(text)], stdin)

async function javascript(name: string): Promise<string> {
  const file = join(folder, `${name}.mjs`)
  writeFileSync(file, here(block(name).text))
  return run(process.execPath, [file])
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '')

const isInstalled = (tool: string): boolean => {
  try {
    execFileSync('sh', ['-c', `command -v ${tool}`])
    return true
  } catch {
    return false
  }
}

/** What a block with a tool would have done, by our own command where the tool is missing. */
async function withTool(tool: string, instead: () => Promise<unknown>): Promise<void> {
  const found = blocks.find(({ needs }) => needs === tool)
  assert.ok(found, `README.md has no block needs=${tool}`)
  if (isInstalled(tool)) {
    await shell(found.text)
    return
  }
  console.error(`\n*** README.md: the block that needs ${tool} was NOT run: ${tool} is not installed here ***\n`)
  await instead()
}

test('every block of the README says how it is run', () => {
  for (const { language, run: name, needs, text } of blocks) assert.ok(name !== undefined || needs !== undefined, `${language}: ${text}`)
  const run = ['start', 'kafkajs', 'mqttjs', 'both', 'replay', 'cli', 'embed', 'secure']
  assert.deepEqual(
    blocks.map((found) => found.run).filter((name) => name !== undefined),
    run,
  )
  assert.deepEqual(
    blocks.map(({ needs }) => needs).filter((name) => name !== undefined),
    ['kcat', 'mosquitto_pub'],
  )
})

test('npm ci and npm start run the broker, which prints what the README shows', () => {
  assert.equal(block('start').text, 'npm ci\nnpm start\n')
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  assert.equal(scripts.start, 'node bin/elytra.js start')
  assert.ok(existsSync(join(root, 'bin/elytra.js')))
  const shape = (line: string): string =>
    line
      .replace(/\S+:\d+/g, 'ADDRESS')
      .replace(/pid=\d+/, 'pid=PID')
      .replace(/file:\S+/, 'file:DIRECTORY')
  assert.equal(shape(broker.stdout()), shape(block('start').output ?? ''))
})

test('a record by kcat', () => withTool('kcat', () => shell(`elytra produce orders -k eu/42 -v '{"total":7}'`)))

test('a record by kafkajs', async () => {
  await javascript('kafkajs')
})

test('a message by mosquitto_pub', () => withTool('mosquitto_pub', () => shell(`elytra pub orders/eu/44 -m '{"total":9}'`)))

test('a message by MQTT.js', async () => {
  await javascript('mqttjs')
})

test('all four are in one topic', async () => {
  const { text, output } = block('both')
  assert.deepEqual(linesOf(await shell(text)).sort(), linesOf(output ?? ''))
})

test('an MQTT subscriber gets them from the beginning', async () => {
  const lines = linesOf(await shell(block('replay').text)).sort()
  assert.deepEqual(
    lines,
    linesOf(block('both').output ?? '').map((line) => `orders/${line}`),
  )
})

test('the command line', async () => {
  const output = await shell(block('cli').text)
  assert.match(output, /"value":"100"/)
  assert.match(output, /^numbers {2}id /m)
  assert.match(output, /\n21\.5\n$/)
})

test('a broker in a program', async () => {
  assert.match(await javascript('embed'), /^127\.0\.0\.1:\d+ mqtt:\/\/127\.0\.0\.1:\d+\n$/)
})

test('the administrator is made, and then the listeners may be opened', async () => {
  const [add = '', start = ''] = linesOf(block('secure').text)
  const opened = start.replace('--kafka 0.0.0.0:9092', '--kafka 0.0.0.0:0').replace('--mqtt 0.0.0.0:1883', '--mqtt 0.0.0.0:0')
  assert.notEqual(opened, start)
  const words = opened.split(' ').slice(2)
  const refused = await startBrokerProcess([...words, '--storage', 'memory:']).catch((error: Error) => error.message)
  assert.match(String(refused), /can be reached from other machines/)
  await shell(add, 'a password\n')
  await broker.stop()
  const again = await startBrokerProcess([...words, '--data-dir', join(folder, 'data')])
  assert.equal(await again.stop(), 0)
})
