import { Command, CommanderError, Option } from 'commander'
import { didYouMean } from '../util/did-you-mean.ts'
import { type CommandDefinition, CommandError, type CommandIo, EXIT, usageError } from './command.ts'
import { helpOfCommand, helpOfVerbs } from './help.ts'
import { VERBS, type Verb } from './verbs.ts'
import { readVersion } from './version.ts'

/** Runs one command line (without `node` and the script) and answers its exit code. */
export async function runCli(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    return await dispatch(argv, io)
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    io.stderr.write(`elytra: ${error.message}\n`)
    return error.exitCode
  }
}

async function dispatch(argv: readonly string[], io: CommandIo): Promise<number> {
  const asked = argv[0] === 'help' ? argv.slice(1) : argv
  const verb = verbOf(asked)
  if (verb !== undefined) {
    const { command } = await verb.load()
    if (argv[0] === 'help') return say(io, helpOfCommand(verb, command))
    return runVerb(verb, command, asked.slice(verb.words.split(' ').length), io)
  }
  const [first] = asked
  if (first === '--version' || first === '-V') return say(io, `elytra ${readVersion()}\n`)
  const group = VERBS.filter(({ words }) => words.startsWith(`${first} `))
  if (first === undefined || first === '--help' || first === '-h') {
    say(io, helpOfVerbs(VERBS, ''))
    return argv.length === 0 ? EXIT.usage : EXIT.ok
  }
  if (group.length === 0) throw usageError(`there is no command "${first}"${hint(first, VERBS.map(firstWord))}; elytra --help lists them`)
  const second = asked[1]
  if (second === undefined || second === '--help' || second === '-h') {
    say(io, helpOfVerbs(group, first))
    return second === undefined && argv[0] !== 'help' ? EXIT.usage : EXIT.ok
  }
  throw usageError(`there is no command "${first} ${second}"${hint(second, group.map(secondWord))}; elytra ${first} --help lists them`)
}

const firstWord = ({ words }: Verb): string => words.split(' ')[0] ?? ''
const secondWord = ({ words }: Verb): string => words.split(' ')[1] ?? ''

function verbOf(argv: readonly string[]): Verb | undefined {
  return VERBS.find(({ words }) => words.split(' ').every((part, index) => argv[index] === part))
}

function say(io: CommandIo, text: string): number {
  io.stdout.write(text)
  return EXIT.ok
}

function hint(word: string, known: readonly string[]): string {
  const near = didYouMean(word, known)
  return near === null ? '' : `; did you mean "${near}"?`
}

async function runVerb(verb: Verb, definition: CommandDefinition, argv: readonly string[], io: CommandIo): Promise<number> {
  const command = new Command(`elytra ${verb.words}`).exitOverride().helpOption('-h, --help').showSuggestionAfterError()
  command.configureOutput({ writeErr: () => {}, writeOut: () => {} })
  for (const argument of definition.arguments) command.argument(argument.name.startsWith('[') ? argument.name : `<${argument.name}>`, argument.doc)
  for (const row of Object.values(definition.options)) {
    const option = new Option(row.flags, row.doc)
    option.argParser((words: string, before: unknown) => (row.repeat ? [...((before as unknown[]) ?? []), row.parse(words)] : row.parse(words)))
    command.addOption(option)
  }
  try {
    command.parse([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.helpDisplayed') return say(io, helpOfCommand(verb, definition))
    throw usageError(`${error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')} (elytra ${verb.words} --help)`)
  }
  const given = command.opts() as Record<string, unknown>
  const options = Object.fromEntries(Object.entries(definition.options).map(([name, row]) => [name, given[name] ?? row.fallback]))
  return definition.run(io, command.processedArgs.flat().filter((argument) => argument !== undefined) as string[], options)
}
