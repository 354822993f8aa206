import { styleText } from 'node:util'
import type { CommandIo } from './command.ts'

/** Columns without borders, as kubectl prints them: headings in capitals, cells two spaces apart. */
export function printTable(io: CommandIo, headings: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const cells = [headings.map((heading) => heading.toUpperCase()), ...rows.map((row) => row.map(String))]
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const [first = '', ...rest] = lines
  io.stdout.write(`${[bold(io, first), ...rest].join('\n')}\n`)
}

/** One JSON value as one line. */
export function printJson(io: CommandIo, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value)}\n`)
}

/** A line of words for people: never on stdout, which is for data. */
export function tell(io: CommandIo, words: string): void {
  io.stderr.write(`${words}\n`)
}

/** Writes and waits until the other end takes more: a slow reader holds the command back, not the memory. */
export async function writeAll(io: CommandIo, bytes: Uint8Array | string): Promise<void> {
  if (io.stdout.write(bytes)) return
  await new Promise<void>((resolve) => io.stdout.once('drain', resolve))
}

/** Only where a person looks, and did not say NO_COLOR (https://no-color.org). */
function bold(io: CommandIo, words: string): string {
  const colours = io.stdout.isTTY === true && (io.environment.NO_COLOR ?? '') === ''
  return colours ? styleText('bold', words, { validateStream: false }) : words
}
