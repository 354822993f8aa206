/** What a command may touch: its process's, or a test's. */
export interface CommandIo {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Aborted when the user asks to stop (SIGINT, SIGTERM). */
  readonly stop: AbortSignal
  /** Calls `run` whenever the user asks to read files anew (SIGHUP). */
  onReload?(run: () => void): void
}

/** The exit codes of every command. */
export const EXIT = {
  ok: 0,
  /** The broker refused, or could not be reached, or something was not found. */
  failed: 1,
  /** The command line, a setting or the input was not understood: nothing was done. */
  usage: 2,
} as const

/** Ends a command with a message for people and an exit code. */
export class CommandError extends Error {
  readonly exitCode: number
  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message)
    this.exitCode = exitCode
  }
}

export const usageError = (message: string): CommandError => new CommandError(message, EXIT.usage)

/** One option of a command: `parse` turns its words into a value, or throws `usageError`. */
export interface OptionRow<T> {
  /** Commander's form: `-n, --count <number>`. */
  readonly flags: string
  readonly doc: string
  readonly parse: (words: string) => unknown
  /** Given more than once, its values are gathered. */
  readonly repeat: boolean
  readonly fallback: T
}

interface ArgumentRow {
  /** `topic`, `[value]` where it may be absent, `[topics...]` for the rest. */
  readonly name: string
  readonly doc: string
}

type Values<O> = { readonly [K in keyof O]: O[K] extends OptionRow<infer T> ? T : never }

/** A leaf of the command line. Help and docs/reference/command-line.md are printed from it. */
export interface CommandDefinition<O extends Record<string, OptionRow<unknown>> = Record<string, OptionRow<unknown>>> {
  /** What it does, in a few sentences. */
  readonly description: string
  readonly arguments: readonly ArgumentRow[]
  /** By the name that `run` knows them by: commander's camel case of the long flag. */
  readonly options: O
  readonly examples: readonly { readonly command: string; readonly what: string }[]
  /** Answers the exit code. */
  run(io: CommandIo, args: readonly string[], options: Values<O>): Promise<number>
}

/** Infers the type of the options. */
export function defineCommand<const O extends Record<string, OptionRow<unknown>>>(definition: CommandDefinition<O>): CommandDefinition {
  return definition as unknown as CommandDefinition
}

/** `--json`: present or not. */
export function flag(flags: string, doc: string): OptionRow<boolean> {
  return { flags, doc, parse: () => true, repeat: false, fallback: false }
}

/** A word; undefined where not given, unless there is a fallback. */
export function word(flags: string, doc: string): OptionRow<string | undefined>
export function word(flags: string, doc: string, fallback: string): OptionRow<string>
export function word(flags: string, doc: string, fallback?: string): OptionRow<string | undefined> {
  return { flags, doc, parse: (words) => words, repeat: false, fallback }
}

/** Words, as often as given. */
export function wordList(flags: string, doc: string): OptionRow<readonly string[]> {
  return { flags, doc, parse: (words) => words, repeat: true, fallback: [] }
}

/** A whole number from `min` to `max`; undefined where not given. */
export function whole(flags: string, doc: string, bounds: { readonly min?: number; readonly max?: number } = {}): OptionRow<number | undefined> {
  const min = bounds.min ?? 0
  const max = bounds.max ?? Number.MAX_SAFE_INTEGER
  const parse = (words: string): number => {
    const value = Number(words)
    if (/^-?\d+$/.test(words) && value >= min && value <= max) return value
    throw usageError(`${flags}: must be a whole number of ${min} or more${max === Number.MAX_SAFE_INTEGER ? '' : `, at most ${max}`}, not "${words}"`)
  }
  return { flags, doc, parse, repeat: false, fallback: undefined }
}

/** One of a few words. */
export function oneOf<const T extends string>(flags: string, doc: string, values: readonly T[], fallback: T): OptionRow<T> {
  const parse = (words: string): T => {
    const found = values.find((value) => value === words)
    if (found !== undefined) return found
    throw usageError(`${flags}: must be one of ${values.join(', ')}, not "${words}"`)
  }
  return { flags, doc: `${doc} (${values.join(', ')})`, parse, repeat: false, fallback }
}
