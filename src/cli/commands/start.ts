import { readFileSync } from 'node:fs'
import { loadSettings, type RawSetting, settingsOfEnvironment } from '../../config/load.ts'
import { SETTING_KEYS, type SettingKey, type Settings, settingOf } from '../../config/settings.ts'
import { CommandError, type CommandIo, defineCommand, EXIT, type OptionRow, usageError, word, wordList } from '../command.ts'

/** The settings with a flag of their own, as options of this command. */
const FLAGGED = SETTING_KEYS.flatMap((key) => {
  const { flag, type, doc, default: fallback } = settingOf(key)
  if (flag === null) return []
  const repeat = type.name === 'addresses' || type.name === 'list'
  const printed = type.print(fallback)
  const full = printed === '' ? doc : `${doc} Default: ${printed}.`
  const flags = `--${flag.name} <${flag.placeholder}>`
  return [{ key, name: camelCase(flag.name), row: repeat ? wordList(flags, full) : word(flags, full) }]
})

export const command = defineCommand({
  description:
    'Runs the broker. When all listeners accept, one line on stdout begins with `elytra ready` and names their addresses; logs are JSON lines on\n' +
    'stderr. SIGTERM and SIGINT close it cleanly; a second signal ends it at once. Settings come from flags, then variables (ELYTRA_NUM_PARTITIONS),\n' +
    'then the YAML file of --config; docs/reference/configuration.md lists all of them. SIGHUP reads certificates anew.',
  arguments: [],
  options: {
    ...(Object.fromEntries(FLAGGED.map(({ name, row }) => [name, row])) as Record<string, OptionRow<unknown>>),
    config: word('--config <file>', 'A YAML file of settings (or the variable ELYTRA_CONFIG).'),
    set: wordList('--set <key=value>', 'Any setting, by its key; may be given again.'),
  },
  examples: [
    { command: 'elytra start', what: 'Kafka on localhost:9092, MQTT on localhost:1883, data in ./elytra-data' },
    { command: 'elytra start --storage memory: --kafka 127.0.0.1:0 --mqtt 127.0.0.1:0', what: 'for a test: nothing on disk, any free ports' },
    { command: 'elytra start --kafka 0.0.0.0:9092 --kafka-advertised broker.example:9092', what: 'for other machines, once there is a user (elytra user add)' },
    { command: 'elytra start --set num.partitions=12 --set log.retention.ms=86400000', what: 'other defaults for new topics' },
  ],
  run: async (io, _args, options) => {
    const settings = await readSettings(io, options as Record<string, unknown>)
    const [{ openServer, SettingError, StartError }, { createLogger }] = await Promise.all([import('../../server.ts'), import('../../telemetry/logger.ts')])
    let server: Awaited<ReturnType<typeof openServer>>
    try {
      server = await openServer(settings, createLogger(settings['log.level']))
    } catch (error) {
      if (error instanceof SettingError) throw usageError(error.message)
      if (error instanceof StartError) throw new CommandError(error.message)
      throw error
    }
    io.stdout.write(`elytra ready ${server.describe()} pid=${process.pid}\n`)
    io.onReload?.(() => void server.reload())
    await aborted(io.stop)
    await server.close()
    return EXIT.ok
  },
})

async function readSettings(io: CommandIo, options: Record<string, unknown>): Promise<Settings> {
  const flags = FLAGGED.flatMap(({ key, name }): RawSetting[] => {
    const value = options[name] as string | readonly string[] | undefined
    return value === undefined || value.length === 0 ? [] : [{ key, value, origin: `--${settingOf(key).flag?.name}` }]
  })
  const sets = (options.set as readonly string[]).map(parseAssignment)
  const file = (options.config as string | undefined) ?? io.environment.ELYTRA_CONFIG
  const result = loadSettings(file === undefined ? [] : await readConfigFile(file), settingsOfEnvironment(io.environment), flags, sets)
  if ('problems' in result) throw usageError(result.problems.join('\n        '))
  return result.settings
}

function parseAssignment(words: string): RawSetting {
  const equals = words.indexOf('=')
  if (equals <= 0) throw usageError(`--set: must be KEY=VALUE, not "${words}"`)
  return { key: words.slice(0, equals) as SettingKey, value: words.slice(equals + 1), origin: '--set' }
}

async function readConfigFile(file: string): Promise<readonly RawSetting[]> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw usageError(`cannot read the file of settings: ${(error as Error).message}`)
  }
  const { settingsOfYaml } = await import('../../config/yaml-file.ts')
  const result = settingsOfYaml(text, file)
  if ('problems' in result) throw usageError(result.problems.join('\n        '))
  return result
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

function camelCase(words: string): string {
  return words.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}
