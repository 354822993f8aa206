import { type CommandDefinition, EXIT } from './command.ts'
import type { Verb } from './verbs.ts'

/** Two columns, the second one aligned. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd()).join('\n')
}

/** The help of `elytra`, or of a noun such as `elytra topic`. */
export function helpOfVerbs(verbs: readonly Verb[], noun: string): string {
  const title = noun === '' ? 'Elytra: one light message broker that speaks Kafka and MQTT over one durable log.' : `elytra ${noun}`
  const rows = verbs.map(({ words, summary }) => [words, summary] as const)
  return `${title}\n\nCommands:\n${columns(rows)}\n\nelytra COMMAND --help says more, with examples. Data goes to stdout, words to stderr.\n`
}

/** The help of one command: examples before options, since that is what people look for. */
export function helpOfCommand(verb: Verb, command: CommandDefinition): string {
  const names = command.arguments.map(({ name }) => (name.startsWith('[') ? name : `<${name}>`))
  const usage = ['elytra', verb.words, ...names, '[options]'].join(' ')
  const sections = [`${usage}\n\n${command.description}`]
  if (command.examples.length > 0) sections.push(`Examples:\n${command.examples.map(({ command: line, what }) => `  # ${what}\n  ${line}`).join('\n')}`)
  if (command.arguments.length > 0) sections.push(`Arguments:\n${columns(command.arguments.map(({ name, doc }) => [name, doc] as const))}`)
  const options = Object.values(command.options).map(({ flags, doc, fallback }) => [flags, doc + printFallback(fallback)] as const)
  sections.push(`Options:\n${columns([...options, ['-h, --help', 'this text'] as const])}`)
  sections.push(`Exit codes: ${EXIT.ok} done, ${EXIT.failed} failed, ${EXIT.usage} not understood.`)
  return `${sections.join('\n\n')}\n`
}

function printFallback(fallback: unknown): string {
  return typeof fallback === 'string' || typeof fallback === 'number' ? ` (default: ${fallback})` : ''
}
